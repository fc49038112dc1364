// One line at the head of the map, the most important message first.

import { element } from "./dom.js";

const ORDER = ["offline", "tool", "done", "empty", "closer"];
const lines = new WeakMap();

export function notice(map, words) {
  const line = element("div", "wg-notice");
  line.setAttribute("role", "status");
  line.hidden = true;
  map.getContainer().append(line);
  lines.set(map, { line, words, on: new Map() });
}

// `on` may be the words themselves.
export function say(map, what, on) {
  const state = lines.get(map);
  if (!state) return;
  state.on.set(what, on);
  const first = ORDER.find((name) => state.on.get(name));
  const told = first && state.on.get(first);
  state.line.hidden = !first;
  state.line.textContent = first ? (typeof told === "string" ? told : state.words[first]) : "";
  state.line.dataset.what = first || "";
}
