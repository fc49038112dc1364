// The classes, kept on the phone: found by recent use, group, Chinese, pinyin, its initials or code.

import { ask, before } from "./asking.js";
import { find, icon, make, said, t } from "./dom.js";

const RECENT = "webgis.recent-classes";
const ADDRESS = "/inspect/classes";
const SHOWN = 60;
const MOST_RECENT = 6;

let classes = [];
let byKey = new Map();
let redraw = null; // of the list, while it is open: the classes may come after it

// What is on the phone; then what the server has now.
export const recall = async () => take(await before(ADDRESS));
export const load = async () => take(await ask(ADDRESS));

function take(answer) {
  if (!answer) return;
  classes = answer.told.classes.map((one) => ({ ...one, key: `${one.kind}:${one.code}`, text: `${one.name.zh} ${one.name.en || ""}`.toLowerCase() }));
  byKey = new Map(classes.map((one) => [one.key, one]));
  redraw?.();
}

export const get = (key) => byKey.get(key) || null;

export function recent() {
  try {
    return (JSON.parse(localStorage.getItem(RECENT)) || []).map(get).filter(Boolean);
  } catch {
    return [];
  }
}

export function remember(key) {
  try {
    const others = recent().map((one) => one.key).filter((other) => other !== key);
    localStorage.setItem(RECENT, JSON.stringify([key, ...others].slice(0, MOST_RECENT)));
  } catch {
    // a browser that keeps nothing has no recent classes
  }
}

// 0 is the best; null: it does not fit.
function rank(one, word) {
  if (one.code.startsWith(word)) return 0;
  if (one.name.zh.startsWith(word)) return 1;
  if (one.initials.startsWith(word)) return 2;
  if (one.pinyin.startsWith(word)) return 3;
  if (one.text.includes(word)) return 4;
  if (one.initials.includes(word)) return 5;
  return one.pinyin.includes(word) ? 6 : null;
}

export function search(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = classes.map((one) => [one, words.map((word) => rank(one, word))]).filter(([, ranks]) => !ranks.includes(null));
  return ranked.sort(([, a], [, b]) => a[0] - b[0]).map(([one]) => one);
}

function option(one, choose) {
  return make("button", { class: "option", type: "button", "data-class": one.key, onclick: () => choose(one) }, make("b", {}, said(one.name)), make("span", { class: "num" }, one.code));
}

function groups(choose) {
  const made = new Map();
  for (const one of classes) {
    const name = said(one.group);
    if (!made.has(name)) made.set(name, make("details", { class: "group" }, make("summary", {}, name, icon("chevron-down"))));
    made.get(name).append(option(one, choose));
  }
  return [...made.values()];
}

// Opens the list; resolves with a class, or null.
export function pick() {
  const box = find("picker");
  const [query, list] = [find("query", box), find("found", box)];
  return new Promise((resolve) => {
    let chosen = null;
    const choose = (one) => {
      chosen = one;
      box.close();
    };
    const show = () => {
      const typed = query.value.trim();
      const found = typed ? search(typed).slice(0, SHOWN) : [];
      const past = recent();
      if (typed) list.replaceChildren(...(found.length ? found.map((one) => option(one, choose)) : [make("p", { class: "quiet" }, t("no_class"))]));
      else list.replaceChildren(...(past.length ? [make("h3", {}, t("recent")), ...past.map((one) => option(one, choose))] : []), ...groups(choose));
      list.scrollTop = 0;
    };
    query.value = "";
    query.oninput = show;
    query.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const [first] = search(query.value.trim());
      if (query.value.trim() && first) choose(first);
    };
    find("close", box).onclick = () => box.close();
    box.onclose = () => {
      redraw = null;
      resolve(chosen);
    };
    redraw = show;
    show();
    box.showModal();
  });
}
