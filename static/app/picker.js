// Finds one of the 403 classes: a search field over the page's own select, by code, Chinese or English. The select
// stays what is sent, and is what there is without script. Keys: up, down, Enter, Escape.

import { icon } from "./icon.js";

const RECENT = "webgis.recent-classes";
const SHOWN = 60;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT)) || [];
  } catch {
    return [];
  }
}

function remember(value) {
  try {
    localStorage.setItem(RECENT, JSON.stringify([value, ...recent().filter((other) => other !== value)].slice(0, 6)));
  } catch {
    // a browser that keeps nothing: there is no list of recent classes
  }
}

function make(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function picker(box) {
  if (box.dataset.wired) return;
  box.dataset.wired = "yes";
  const select = box.querySelector("select");
  const label = box.querySelector("label");
  const classes = [...select.options].filter((option) => option.value).map((option) => ({
    value: option.value,
    group: option.parentElement.label,
    code: option.dataset.code,
    word: option.textContent.trim().slice(option.dataset.code.length).trim(),
    other: document.documentElement.lang === "en" ? option.dataset.zh : option.dataset.en,
    text: `${option.dataset.code} ${option.dataset.zh} ${option.dataset.en}`.toLowerCase(),
  }));
  const byValue = new Map(classes.map((one) => [one.value, one]));

  const frame = make("div", "picker-box");
  const input = make("input", "form-control");
  input.type = "text";
  input.id = `${select.id}-search`;
  input.placeholder = box.dataset.wordPlaceholder;
  input.autocomplete = "off";
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", `${select.id}-list`);
  input.setAttribute("aria-autocomplete", "list");
  if (select.hasAttribute("aria-describedby")) input.setAttribute("aria-describedby", select.getAttribute("aria-describedby"));
  const list = make("div", "picker-list");
  list.id = `${select.id}-list`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label.textContent);
  list.hidden = true;
  frame.append(icon("search"), input, list);
  select.hidden = true;
  label.htmlFor = input.id;
  label.after(frame);

  let options = [];
  let at = -1;

  function matches(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return null;
    const found = classes.filter((one) => words.every((word) => one.text.includes(word)));
    return found.sort((a, b) => rank(a, words[0]) - rank(b, words[0]));
  }

  function rank(one, word) {
    if (one.code.startsWith(word)) return 0;
    return one.word.toLowerCase().startsWith(word) ? 1 : 2;
  }

  function option(one) {
    const made = make("div", "picker-option");
    made.id = `${select.id}-${one.value.replace(":", "-")}-${options.length}`;
    made.setAttribute("role", "option");
    made.append(make("span", "num", one.code), make("span", "", one.word), make("small", "", one.other));
    made.addEventListener("mousedown", (event) => event.preventDefault());
    made.addEventListener("click", () => choose(one));
    options.push({ made, one });
    return made;
  }

  function groups(found) {
    const shown = new Map();
    for (const one of found.slice(0, found === classes ? classes.length : SHOWN)) {
      if (!shown.has(one.group)) shown.set(one.group, []);
      shown.get(one.group).push(one);
    }
    return [...shown].flatMap(([word, members]) => [heading(word), ...members.map(option)]);
  }

  function heading(word) {
    const made = make("div", "picker-group", word);
    made.setAttribute("role", "presentation");
    return made;
  }

  function open(query) {
    options = [];
    at = -1;
    const found = matches(query);
    const past = recent().map((value) => byValue.get(value)).filter(Boolean);
    let children = [];
    if (found && found.length === 0) children = [make("div", "picker-none", box.dataset.wordNone)];
    else if (found) children = groups(found);
    else children = [...(past.length ? [heading(box.dataset.wordRecent), ...past.map(option)] : []), ...groups(classes)];
    list.replaceChildren(...children);
    list.scrollTop = 0;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (found && options.length) mark(0);
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = shownValue();
  }

  function shownValue() {
    const one = byValue.get(select.value);
    return one ? `${one.code} ${one.word}` : "";
  }

  function mark(index) {
    if (options[at]) options[at].made.setAttribute("aria-selected", "false");
    at = Math.max(0, Math.min(index, options.length - 1));
    const { made } = options[at];
    made.setAttribute("aria-selected", "true");
    made.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", made.id);
  }

  function choose(one) {
    select.value = one.value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    remember(one.value);
    box.classList.remove("has-error");
    close();
  }

  input.value = shownValue();
  select.addEventListener("change", () => {
    input.value = shownValue();
    box.classList.remove("has-error");
  });
  input.addEventListener("focus", () => {
    input.select();
    open("");
  });
  input.addEventListener("click", () => list.hidden && open(""));
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) open("");
      mark(at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      if (!list.hidden && options[at]) choose(options[at].one);
    } else return;
    event.preventDefault();
  });
}

for (const box of document.querySelectorAll("[data-picker]")) picker(box);
