// The desk: the queue, the map and the chosen case hang together here. What is shown stands in the address.

import "../viewer.js";
import { wire } from "../wire.js";
import { bulk } from "./bulk.js";
import { calls } from "./calls.js";
import { keys } from "./keys.js";
import { follow } from "./follow.js";
import { DeskMap } from "./map.js";
import { search } from "./search.js";

const root = document.querySelector("[data-desk]");
const find = (what) => root.querySelector(what);
const facts = JSON.parse(document.getElementById("desk-facts").textContent);

const desk = {
  root,
  facts,
  map: find("[data-desk-map]") && new DeskMap(find("[data-desk-map]"), facts),
  token: root.querySelector("[name=csrf_token]").value,
  panel: document.getElementById("panel"),
  list: document.getElementById("queue"),

  // ---- what is chosen

  get number() {
    const shown = desk.panel.querySelector("[data-panel]");
    return shown ? shown.dataset.panel : "";
  },

  get queue() {
    return desk.list.querySelector("[data-rows]").dataset.queue;
  },

  get order() {
    return desk.list.querySelector("[data-rows]").dataset.order;
  },

  rows() {
    return [...desk.list.querySelectorAll("[data-row]")];
  },

  row(number = desk.number) {
    return desk.rows().find((row) => row.dataset.row === number);
  },

  // Shows a case in its panel; the queue stays as it is.
  choose(number, { remember = true } = {}) {
    if (remember) desk.remember(number);
    return window.htmx.ajax("GET", facts.addresses.case + number, { target: "#panel", swap: "innerHTML" });
  },

  step(by) {
    const rows = desk.rows();
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.dataset.row === desk.number);
    const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
    if (next.dataset.row !== desk.number) desk.choose(next.dataset.row);
  },

  async load({ queue = desk.queue, order = desk.order } = {}) {
    const place = order === "near" ? desk.place() : {};
    const query = new URLSearchParams({ queue, order, case: desk.number, ...place });
    await window.htmx.ajax("GET", `${facts.addresses.queue}?${query}`, { target: "#queue", swap: "innerHTML" });
    desk.remember(desk.number);
  },

  // From where the nearest are counted: the chosen case, else the middle of the map.
  place() {
    const shown = desk.panel.querySelector("[data-panel]");
    if (shown) return { lon: shown.dataset.lon, lat: shown.dataset.lat };
    if (!desk.map) return {};
    const { lat, lng } = desk.map.map.getCenter();
    return { lon: lng.toFixed(6), lat: lat.toFixed(6) };
  },

  address(number) {
    const query = new URLSearchParams({ queue: desk.queue, order: desk.order });
    if (number) query.set("case", number);
    return `${facts.addresses.page}?${query}`;
  },

  remember(number) {
    const address = desk.address(number);
    const now = window.location.pathname + window.location.search;
    if (address !== now) window.history[number === new URLSearchParams(window.location.search).get("case") ? "replaceState" : "pushState"](null, "", address);
  },

  show(view) {
    root.dataset.view = view;
    for (const button of root.querySelectorAll("[data-view-button]")) button.setAttribute("aria-pressed", String(button.dataset.viewButton === view));
    if (view === "map" && desk.map) desk.map.map.invalidateSize();
  },

  // ---- what is said

  say(text, tone = "success") {
    const line = document.createElement("div");
    line.className = `notice notice-${tone} desk-said`;
    line.setAttribute("role", "status");
    line.textContent = text;
    for (const old of document.querySelectorAll(".desk-said")) old.remove();
    root.append(line);
    window.setTimeout(() => line.remove(), 6000);
  },

  post(address, fields = {}) {
    return fetch(address, {
      method: "POST",
      body: new URLSearchParams({ csrf_token: desk.token, ...fields }),
      headers: { Accept: "application/json", "X-Stay": "yes" },
    });
  },

  async takeNext() {
    const answer = await desk.post(facts.addresses.next);
    if (!answer.ok) return;
    const { number, said } = await answer.json();
    desk.say(said, number ? "success" : "info");
    if (!number) return;
    await desk.choose(number);
    desk.show("case");
  },
};

// The panel has another case: its forms work, its row is marked, the map shows it, the others know.
function shown() {
  const box = desk.panel.querySelector("[data-panel]");
  wire(desk.panel);
  for (const place of desk.panel.querySelectorAll("[data-footprint]")) place.hidden = !desk.map;
  if (desk.map) desk.map.endSketch();
  for (const link of desk.list.querySelectorAll("[data-choose]")) {
    if (link.dataset.choose === desk.number) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const row = desk.row();
  if (row) row.scrollIntoView({ block: "nearest" });
  if (desk.map) desk.map.showCase(box ? box.dataset : null, box ? JSON.parse(box.dataset.alike || "[]") : []);
  desk.panel.scrollTop = 0;
  root.dispatchEvent(new CustomEvent("desk:case", { detail: desk.number }));
}

// Of several open steps of one name a page closes all but the first: the old panel goes before the new one comes.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target === desk.panel && event.detail.shouldSwap) desk.panel.replaceChildren();
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === desk.panel) shown();
  if (event.detail.target === desk.list) root.dispatchEvent(new CustomEvent("desk:queue"));
});
for (const name of ["htmx:sendError", "htmx:timeout"]) document.body.addEventListener(name, () => desk.say(facts.said.no_connection, "danger"));
document.body.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) window.location.reload();
  else desk.say(event.detail.xhr.status === 404 ? facts.said.gone : facts.said.no_connection, "warning");
});

// A step is done: the next case of the queue is shown when this one has left it, else how it stands now.
root.addEventListener("webgis:done", async (event) => {
  event.preventDefault();
  const row = desk.row();
  const following = row && (row.nextElementSibling || row.previousElementSibling);
  const seen = event.detail.go.endsWith(desk.number);
  if (seen) await desk.choose(desk.number, { remember: false });
  if (seen && (!row || stillWaits())) return;
  if (row) row.remove();
  if (following && following.dataset.row) {
    const said = desk.panel.querySelector(".notice-success");
    if (seen && said) desk.say(said.textContent.trim());
    await desk.choose(following.dataset.row);
    focusPanel();
  } else {
    if (!seen) desk.panel.replaceChildren();
    await desk.load();
  }
});

desk.holds = (state) => {
  const states = facts.queues[desk.queue];
  return !states.length || states.includes(state);
};

// Whether the case that is shown belongs to the queue as before; in that of requests while one waits for the reader.
function stillWaits() {
  if (!facts.queues[desk.queue].length) return Boolean(desk.panel.querySelector(".turns"));
  return desk.holds(desk.panel.querySelector("[data-panel]").dataset.state);
}

function focusPanel() {
  const title = desk.panel.querySelector("[data-panel-title]");
  if (title) title.focus({ preventScroll: true });
}

root.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-desk-send]")) return;
  event.preventDefault();
  await desk.post(event.target.action);
  await desk.choose(desk.number, { remember: false });
});

root.addEventListener("click", (event) => {
  const target = (what) => event.target.closest(what);
  const chosen = target("[data-choose]");
  if (chosen) {
    event.preventDefault();
    desk.remember(chosen.dataset.choose);
    desk.show("case");
  }
  const other = target("[data-go-case]");
  if (other) {
    event.preventDefault();
    desk.choose(other.dataset.goCase).then(() => desk.show("case"));
  }
  const tab = target("[data-queue-tab]");
  if (tab && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    desk.open(tab.dataset.queueTab);
  }
  if (target("[data-order-button]")) {
    const { orderButton } = target("[data-order-button]").dataset;
    for (const button of root.querySelectorAll("[data-order-button]")) button.setAttribute("aria-pressed", String(button.dataset.orderButton === orderButton));
    desk.load({ order: orderButton });
  }
  if (target("[data-next]")) desk.takeNext();
  if (target("[data-again]")) desk.choose(desk.number, { remember: false });
  if (target("[data-view-button]")) desk.show(target("[data-view-button]").dataset.viewButton);
});

desk.open = async (queue) => {
  for (const tab of root.querySelectorAll("[data-queue-tab]")) {
    if (tab.dataset.queueTab === queue) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  await desk.load({ queue });
  desk.show("queue");
};

window.addEventListener("popstate", async () => {
  const query = new URLSearchParams(window.location.search);
  if (query.get("queue") && query.get("queue") !== desk.queue) await desk.open(query.get("queue"));
  if (query.get("case") && query.get("case") !== desk.number) desk.choose(query.get("case"), { remember: false });
});

if (desk.map) desk.map.listen({ choose: (number) => desk.choose(number), merge: (number) => mergeInto(number) });

// The step that merges the chosen case into another opens with that one named.
function mergeInto(number) {
  const box = desk.panel.querySelector("[data-step=merge]");
  if (!box) return;
  for (let part = box; part; part = part.parentElement.closest("details")) part.open = true;
  const known = box.querySelector(`[name=into][value="${number}"]`);
  if (known) known.checked = true;
  else box.querySelector("[name=into_number]").value = number;
  desk.show("case");
  box.scrollIntoView({ block: "center" });
  box.querySelector("button[type=submit]").focus();
}

// The ground of an incident is drawn on the map; what was drawn goes with the split.
root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-draw]");
  if (!button || !desk.map) return;
  desk.show("map");
  desk.map.sketch((shape, words) => {
    button.parentElement.querySelector("[name=footprint]").value = shape;
    button.querySelector("span").textContent = words;
    desk.show("case");
    button.focus();
  });
});

search(desk);
keys(desk);
bulk(desk);
calls(desk);
follow(desk);
desk.show(root.dataset.view);
shown();
root.dataset.ready = "yes";
