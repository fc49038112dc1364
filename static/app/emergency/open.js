// The form that opens an emergency: its place and its ground on a map, and what the plan of the chosen kind and level
// would put on the board. The ground is a circle around the place, an outline, or the ring around a hazard source.

import { outline } from "./outline.js";
import { wire } from "../wire.js";

const form = document.querySelector(".em-open");
const box = form.querySelector("[data-pin-map]");
const ring = form.querySelector("[data-ring]");
let map = null;
let drawn = null;
let shown = null;
let asked = null;

function showPlan() {
  const kind = form.elements.kind.value;
  const level = Number(form.elements.level.value);
  document.querySelector("[data-plan-none]").hidden = Boolean(kind);
  for (const list of document.querySelectorAll("[data-plan]")) {
    list.hidden = list.dataset.plan !== kind;
    for (const item of list.children) item.hidden = level > Number(item.dataset.fromLevel);
  }
}

// ---- the ground

const chosen = () => form.elements.ground.value;
const colour = () => form.querySelector("[name=level]:checked + .choice-box i").style.getPropertyValue("--colour");
const look = () => ({ color: colour(), weight: 2, dashArray: "6 4", fillColor: colour(), fillOpacity: 0.12 });

function place() {
  const { lon, lat } = form.elements;
  return lon.value && lat.value ? [Number(lat.value), Number(lon.value)] : null;
}

function showGround() {
  for (const part of form.querySelectorAll("[data-ground]")) part.hidden = part.dataset.ground !== chosen();
  if (!map) return;
  shown.clearLayers();
  asked = null;
  if (chosen() !== "outline") drawn.stop();
  const here = place();
  if (chosen() === "circle" && here) L.circle(here, { ...look(), radius: Number(form.elements.radius_m.value), interactive: false }).addTo(shown);
  if (chosen() === "outline") drawn.show();
  else drawn.hide();
  if (chosen() === "hazard") showRing();
}

// The ring of the source that is chosen; an answer that is older than the last question is none.
async function showRing() {
  const mine = (asked = {});
  const { hazard, ring_m: metres } = form.elements;
  if (!hazard.value) return;
  const address = `${ring.dataset.ring}/${encodeURIComponent(hazard.value)}/impact?format=geojson&metres=${metres.value}`;
  const answer = await fetch(address).catch(() => null);
  if (!answer || !answer.ok || mine !== asked) return;
  const found = (await answer.json()).features.find((one) => one.properties.kind === "ring");
  if (!found || mine !== asked) return;
  const layer = L.geoJSON(found, { style: look(), interactive: false }).addTo(shown);
  map.fitBounds(layer.getBounds().pad(0.1), { animate: false });
}

// Who has drawn where it is, or named a source, has said about where: the pin can be put right.
function pinAt({ lng, lat }) {
  form.elements.lon.value = lng.toFixed(6);
  form.elements.lat.value = lat.toFixed(6);
  form.elements.lat.dispatchEvent(new Event("change"));
}

box.addEventListener("webgis:map", (event) => {
  map = event.detail;
  shown = L.layerGroup().addTo(map);
  drawn = outline(form, map, look, (points) => {
    if (!points.length) return;
    const bounds = L.latLngBounds(points);
    if (!place()) pinAt(bounds.getCenter());
    map.fitBounds(bounds.pad(0.5), { animate: false, maxZoom: 18 });
  });
});
box.addEventListener("webgis:pin", showGround);

form.addEventListener("change", ({ target }) => {
  if (target.name === "hazard" && target.value && !place()) {
    const { lon, lat } = target.selectedOptions[0].dataset;
    pinAt({ lng: Number(lon), lat: Number(lat) });
  }
  showPlan();
  showGround();
});

wire(document);
showPlan();
showGround();
