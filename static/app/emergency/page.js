// List and page of emergencies: what others do is heard on the live stream, tasks are moved in place and by keys, the map
// shows the ground and what is near.

import { element } from "../../maps/dom.js";
import { pinIcon } from "../../maps/pin.js";
import { listen } from "../live.js";
import { ground } from "../place.js";
import { replaceParts } from "../watch/fresh.js";
import { outline } from "./outline.js";

const WAIT_MS = 200;
const AT_LATEST_MS = 60000;
const HEARING = ["live", "polling"];
const WRITES = "input, textarea, select, [contenteditable]";

const root = document.querySelector("[data-fresh]");
const box = document.querySelector("[data-emergency-map]");
const page = root.dataset.fresh; // not the address that is shown: a refused form stands at its own, which only takes forms
let timer = 0;
let asked = null;
let heard = "";

// What fetch throws without a connection is no fault: it is asked again.
async function got(address, options) {
  try {
    const answer = await fetch(address, { cache: "no-store", ...options });
    if (answer.redirected || answer.status === 401) window.location.assign(page);
    return answer;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}

async function refresh() {
  const mine = (asked = {});
  const answer = await got(page, { headers: { Accept: "text/html" } });
  if (answer && answer.status === 404) window.location.assign("/emergency");
  const told = answer && answer.ok ? await answer.text() : null;
  if (told === null || mine !== asked) return;
  const focused = document.activeElement && document.activeElement.closest("[data-task]");
  if (focused && !writing()) document.activeElement.blur();
  const chosen = [...document.querySelectorAll("[data-chosen]")].map(({ id, value }) => [id, value]);
  const open = reasons().filter((one) => one.open).map(nameOf);
  replaceParts(told);
  for (const one of reasons()) one.open = open.includes(nameOf(one));
  for (const [id, value] of chosen) if (document.getElementById(id)) document.getElementById(id).value = value;
  if (focused) focusTask(focused.dataset.task);
  if (map) map.update();
}

// What asks for a reason, by what it does: the board may hold others by now.
const reasons = () => [...document.querySelectorAll(".em-why")];
const nameOf = (one) => one.querySelector("form").action;

const writing = () => document.activeElement && document.activeElement.matches(WRITES);

function soon() {
  if (!timer && !document.hidden) timer = window.setTimeout(() => { timer = 0; refresh(); }, WAIT_MS);
}

function onEmergency(one) {
  if (!root.dataset.emergency || one.number === root.dataset.emergency) soon();
}

// Who begins to hear, or hears again, may have missed something.
function onState(state) {
  if (HEARING.includes(state) && state !== heard) soon();
  heard = state;
  root.dataset.live = state;
}

// ---- the board

function focusTask(task) {
  const card = document.querySelector(`[data-task="${CSS.escape(task)}"]`);
  if (card) card.focus();
}

function step(by) {
  const cards = [...document.querySelectorAll("[data-task]")];
  if (!cards.length) return;
  const here = cards.indexOf(document.activeElement.closest("[data-task]"));
  const next = here < 0 ? (by > 0 ? 0 : cards.length - 1) : Math.min(Math.max(here + by, 0), cards.length - 1);
  cards[next].focus();
}

function press(key) {
  const card = document.activeElement.closest("[data-task]");
  const button = card && card.querySelector(`[data-key="${key}"]`);
  if (button) button.click();
}

const KEYS = { j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), b: () => press("b"), d: () => press("d") };

document.addEventListener("keydown", (event) => {
  const act = KEYS[event.key];
  const inside = document.activeElement.closest("[data-task]");
  if (!act || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || writing()) return;
  if (event.key.startsWith("Arrow") && !inside) return;
  event.preventDefault();
  act();
});

// A task that is moved: the board is fetched again, and the card that was moved has the focus.
async function move(form) {
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const { task } = form.closest("[data-task]").dataset;
  const answer = await got(form.action, { method: "POST", body: new FormData(form), headers: { "X-Stay": "yes" } });
  delete form.dataset.sent;
  if (!answer) return;
  if (answer.status !== 204) {
    window.location.assign(page);
    return;
  }
  document.activeElement.blur();
  await refresh();
  focusTask(task);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-move]")) return;
  event.preventDefault();
  move(event.target);
});

// ---- the map

function marker(item) {
  const sign = element("span", "em-marker");
  sign.append(item.querySelector(".icon").cloneNode(true));
  const icon = L.divIcon({ html: sign, className: "", iconSize: [22, 22] });
  const place = [Number(item.dataset.lat), Number(item.dataset.lon)];
  return L.marker(place, { icon, keyboard: false, alt: item.dataset.name }).bindTooltip(element("span", "", item.dataset.name));
}

function drawn() {
  const [west, south, east, north] = box.dataset.bounds.split(",").map(Number);
  const leaflet = ground(box, L.latLngBounds([south, west], [north, east]).pad(0.4));
  const layers = L.layerGroup().addTo(leaflet);
  function update() {
    layers.clearLayers();
    const { colour } = box.dataset;
    const shape = JSON.parse(document.querySelector("[data-shape]").dataset.shape);
    const look = { color: colour, weight: 2, dashArray: "6 4", fillColor: colour, fillOpacity: 0.12 };
    L.geoJSON(shape, { style: look, interactive: false }).addTo(layers);
    L.marker([Number(box.dataset.lat), Number(box.dataset.lon)], { icon: pinIcon(colour), interactive: false, keyboard: false }).addTo(layers);
    for (const item of document.querySelectorAll("[data-near]")) marker(item).addTo(layers);
  }
  update();
  return { update, leaflet };
}

const map = box ? drawn() : null;

// ---- the ground drawn anew: a circle or an outline, seen on the map before it is sent

function redraw(form) {
  const { radius_m: radius } = form.elements;
  const drawn = outline(form, map.leaflet, () => ({ color: box.dataset.colour, weight: 3 }), (points) => { if (points.length) radius.value = ""; });
  radius.addEventListener("change", () => radius.value && drawn.clear());
}

listen({ onEmergency, onResync: soon, onState });
window.setInterval(soon, AT_LATEST_MS); // what is late changes with time
document.addEventListener("visibilitychange", soon);

const form = document.querySelector("[data-outline]");
if (form) redraw(form);
