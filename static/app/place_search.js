// An address field that knows places: what is typed is searched, and choosing one sets the form's pin (combobox pattern;
// keys: up, down, Enter, Escape). The other way round, a pin that is set writes what is near it while the field is empty.

import { distance } from "./place.js";

const WAIT_MS = 150;
const CHINESE = /[\u2e80-\u9fff]/;

const english = () => document.documentElement.lang === "en";
const said = (both) => (english() ? both.en : both.zh);
const areaName = (area) => (english() && area.name_en) || area.name_zh;

function make(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

// `from()` gives the place from which the nearest of equals comes first; `put(place)` sets the pin.
export function placeSearch(input, { from, put }) {
  const words = input.dataset;
  const list = make("div", "picker-list");
  const told = make("div", "visually-hidden");
  list.id = `${input.id}-places`;
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", words.wordList);
  told.setAttribute("role", "status");
  const settings = { role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(settings)) input.setAttribute(name, value);
  input.autocomplete = "off";
  input.after(list, told);

  let options = [];
  let at = -1;
  let timer = 0;
  let question = null;
  let written = "";

  async function ask(address, query) {
    if (question) question.abort();
    question = new AbortController();
    try {
      const answer = await fetch(`${address}?${new URLSearchParams(query)}`, { signal: question.signal });
      return answer.ok ? await answer.json() : null;
    } catch (error) {
      if (error.name === "AbortError" || error instanceof TypeError) return null;
      throw error;
    }
  }

  function option(place, index) {
    const made = make("div", "picker-option");
    made.id = `${list.id}-${index}`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    const far = place.metres === null ? "" : ` · ${distance(place.metres)}`;
    made.append(make("span", "", said(place.label)), make("small", "", areaName(place.area) + far));
    made.addEventListener("mousedown", (event) => event.preventDefault());
    made.addEventListener("click", () => choose(place));
    return { made, place };
  }

  function show(places) {
    options = places.map(option);
    at = -1;
    input.removeAttribute("aria-activedescendant");
    list.replaceChildren(...(options.length ? options.map((one) => one.made) : [make("div", "picker-none", words.wordNone)]));
    list.scrollTop = 0;
    list.hidden = false;
    input.setAttribute("aria-expanded", String(options.length > 0));
    told.textContent = options.length ? words.wordFound.replace("{n}", options.length) : words.wordNone;
  }

  function close() {
    window.clearTimeout(timer);
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    if (!options.length) return;
    if (options[at]) options[at].made.setAttribute("aria-selected", "false");
    at = (index + options.length) % options.length;
    const { made } = options[at];
    made.setAttribute("aria-selected", "true");
    made.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", made.id);
  }

  function choose(place) {
    input.value = said(place.label);
    close();
    put(place);
  }

  async function search() {
    const typed = input.value.trim();
    if (!(CHINESE.test(typed) || typed.length > 1)) return close();
    const found = await ask(words.search, { q: typed.slice(0, 60), ...from(), crs: "wgs84" });
    if (found && document.activeElement === input && input.value.trim() === typed) show(found.places);
    return undefined;
  }

  input.addEventListener("input", (event) => {
    window.clearTimeout(timer);
    if (!event.isComposing) timer = window.setTimeout(search, WAIT_MS);
  });
  input.addEventListener("compositionend", search);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) search();
      else mark(event.key === "ArrowDown" ? at + 1 : Math.max(at, 0) - 1);
    } else if (event.key === "Enter" && !list.hidden && options[at]) choose(options[at].place);
    else return;
    event.preventDefault();
  });

  // What is near a pin that was set on the map, while nobody has typed anything else.
  return async function near(lon, lat) {
    if (input.value && input.value !== written) return;
    const found = await ask(words.near, { lon, lat, crs: "wgs84", limit: 5 });
    if (!found || (input.value && input.value !== written)) return;
    written = found.address ? said(found.address) : "";
    input.value = written;
  };
}
