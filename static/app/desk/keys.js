// The keyboard: everything at the desk has a key, and the buttons say theirs. No key means anything while one writes.

const WRITES = "input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable]";

export function keys(desk) {
  const help = document.querySelector("[data-help-dialog]");
  const box = () => desk.root.querySelector("[data-search] [name=q]");
  const press = (what) => () => {
    const found = desk.root.querySelector(what);
    if (found) found.click();
  };
  const moves = {
    j: () => desk.step(1),
    k: () => desk.step(-1),
    ArrowDown: () => desk.step(1),
    ArrowUp: () => desk.step(-1),
    n: press("[data-next]"),
    t: press("[data-key-t] button"),
    y: press("[data-hotline]"),
    q: () => nextQueue(desk),
    ".": press("[data-new]:not([hidden])"),
    "/": () => box() && box().focus(),
    "?": () => help && (help.open ? help.close() : help.showModal()),
    " ": () => desk.mark && desk.mark(),
    Enter: () => submitOpen(desk),
  };

  document.addEventListener("keydown", (event) => {
    if (document.querySelector(".wg-drawing")) return undefined; // these keys are the sketch's
    if (event.key === "Escape") return leave(desk, event);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return submitOpen(desk, event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return undefined;
    if (event.target.matches(WRITES)) return undefined;
    const dialog = document.querySelector("dialog[open]");
    if (dialog && !(dialog === help && event.key === "?")) return undefined;
    if (native(event)) return undefined;
    const choice = /^[1-9]$/.test(event.key) && nth(desk, Number(event.key));
    const act = choice || stepKey(desk, event.key) || moves[event.key];
    if (!act) return undefined;
    event.preventDefault();
    act();
    return undefined;
  });
  for (const opener of document.querySelectorAll("[data-help]")) opener.addEventListener("click", () => help.showModal());
  for (const dialog of document.querySelectorAll("dialog.desk-dialog")) {
    dialog.addEventListener("click", (event) => (event.target === dialog || event.target.closest("[data-close]")) && dialog.close());
  }
}

// What the browser does by itself with the focused element: press it, choose among radios, send their form.
function native({ target, key }) {
  if (target.matches("input[type=radio], input[type=checkbox]")) return ["Enter", " ", "ArrowDown", "ArrowUp"].includes(key);
  return target.matches("button, a, summary") && ["Enter", " "].includes(key);
}

function nextQueue(desk) {
  const tabs = [...desk.root.querySelectorAll("[data-queue-tab]")];
  const at = tabs.findIndex((tab) => tab.hasAttribute("aria-current"));
  desk.open(tabs[(at + 1) % tabs.length].dataset.queueTab);
}

function openForm(desk) {
  const held = document.activeElement && document.activeElement.closest("#panel form");
  return held || desk.panel.querySelector("details.step-box[open] form");
}

function submitOpen(desk, event) {
  const form = openForm(desk);
  if (!form) return;
  if (event) event.preventDefault();
  form.requestSubmit();
}

// The nth choice of the open step.
function nth(desk, place) {
  const form = openForm(desk);
  const choices = form ? [...form.querySelectorAll("input[type=radio], input[type=checkbox]")].filter((one) => one.offsetParent) : [];
  if (!choices.length) return null;
  return () => {
    const one = choices[place - 1];
    if (!one) return;
    one.click();
    one.focus();
  };
}

// Opens the step of a key, and goes where something is to be given.
function stepKey(desk, key) {
  const mark = [...desk.panel.querySelectorAll("kbd[data-key]")].find((one) => one.dataset.key === key);
  if (!mark) return null;
  return () => {
    const step = mark.closest("details.step-box");
    for (let part = step; part; part = part.parentElement && part.parentElement.closest("details")) part.open = true;
    desk.show("case");
    step.scrollIntoView({ block: "nearest" });
    const checked = step.querySelector("form input:checked");
    const first = step.querySelector("form input:not([type=hidden]):not([type=file]), form select:not([hidden]), form textarea");
    const field = checked || [...step.querySelectorAll("form input, form textarea, form select")].find((one) => one === first && one.offsetParent);
    (field || step.querySelector("button[type=submit]")).focus();
  };
}

function leave(desk, event) {
  const here = document.activeElement;
  if (document.querySelector("dialog[open]")) return;
  if (here && here.matches(WRITES)) here.blur();
  else {
    const open = desk.panel.querySelector("details.step-box[open]");
    if (open && open.contains(here)) {
      open.open = false;
      event.preventDefault();
    }
  }
}
