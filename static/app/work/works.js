// A construction zone on the map: its ground and lines of traffic shown; at its form drawn by taps, and typed or pasted as
// GeoJSON in the fields that hold what is drawn.

import { asker } from "../../maps/ask.js";
import { OUTLINE } from "../../maps/conflicts.js";
import { fill, ready } from "../../maps/dom.js";
import { areaOf, Sketch } from "../../maps/sketch.js";
import { ground as groundMap } from "../place.js";

const LINES = { closure: { color: "#b91c1c", weight: 5 }, narrowed: { color: "#c2410c", weight: 4, dashArray: "10 5" }, diversion: { color: "#1d4ed8", weight: 4, dashArray: "2 7" } };
const GROUND = { color: "#c2410c", weight: 2, fillColor: "#ea580c", fillOpacity: 0.3 };
const CONFLICT = { ...OUTLINE, pane: "works", style: { ...OUTLINE, color: "#f97316" } };

const holder = document.querySelector("[data-works-map]");
const form = document.querySelector("[data-works-form]");
const bounds = (holder.dataset.bounds || "73,18,135,54").split(",").map(Number);
const map = groundMap(holder, L.latLngBounds([bounds[1], bounds[0]], [bounds[3], bounds[2]]));
map.createPane("works").style.zIndex = 410;
const shapes = L.featureGroup([], { pane: "works" }).addTo(map);

// `parts`: of lines, those that are in conflict.
function show(geometry, lines, parts = []) {
  shapes.clearLayers();
  if (geometry && geometry.type) L.geoJSON(geometry, { pane: "works", style: GROUND, interactive: false }).eachLayer((one) => shapes.addLayer(one));
  for (const part of parts) shapes.addLayer(L.geoJSON(part, CONFLICT));
  for (const { kind, coordinates } of lines) {
    shapes.addLayer(L.polyline(coordinates.map(([lon, lat]) => [lat, lon]), { pane: "works", interactive: false, ...LINES[kind] }));
  }
  ready(map, "works", shapes.getLayers().length);
}

async function look() {
  const told = await asker(map)(holder.dataset.features);
  if (!told) return;
  const parts = JSON.parse(holder.dataset.conflicts || "[]");
  show(told.geometry, told.properties.lines, parts);
  ready(map, "outlined", parts.length);
  map.fitBounds(shapes.getBounds().pad(0.25), { animate: false, maxZoom: 17 });
}

// Square metres of a ring of degrees, whose last corner is the first again.
function area(ring) {
  return ring.length < 2 ? 0 : areaOf(ring.slice(1).map(([lng, lat]) => ({ lng, lat })));
}

function rings(geometry) {
  if (!geometry || !geometry.coordinates) return [];
  return geometry.type === "Polygon" ? [geometry.coordinates[0]] : geometry.coordinates.map((part) => part[0]);
}

function read(field, otherwise) {
  try {
    return JSON.parse(field.value) || otherwise;
  } catch {
    return otherwise;
  }
}

function edit() {
  const [groundField, linesField] = ["ground", "lines"].map((name) => form.querySelector(`#${name}`));
  const count = form.querySelector("[data-count]");
  const undo = form.querySelector("[data-undo]");
  const hint = form.querySelector("[data-drawing]");
  const before = [];
  let sketch = null;

  function tell() {
    const geometry = read(groundField, null);
    const lines = read(linesField, []);
    try {
      show(geometry, lines);
    } catch {
      shapes.clearLayers();
    }
    const whole = rings(geometry).reduce((sum, ring) => sum + area(ring), 0);
    count.textContent = whole ? fill(count.dataset.word, { area: Math.round(whole).toLocaleString(), lines: lines.length }) : count.dataset.none;
    undo.disabled = before.length === 0;
    holder.dataset.drawn = `${Math.round(whole)} ${lines.length}`;
  }

  function keep(kind, points) {
    before.push([groundField.value, linesField.value]);
    const places = points.map(({ lng, lat }) => [Number(lng.toFixed(7)), Number(lat.toFixed(7))]);
    if (kind === "ground") groundField.value = JSON.stringify({ type: "Polygon", coordinates: [[...places, places[0]]] });
    else linesField.value = JSON.stringify([...read(linesField, []), { kind, coordinates: places }]);
    tell();
  }

  function stop() {
    if (sketch) sketch.stop();
    sketch = null;
    hint.hidden = true;
    for (const one of form.querySelectorAll("[data-draw]")) one.setAttribute("aria-pressed", "false");
  }

  function draw(button) {
    const same = button.getAttribute("aria-pressed") === "true";
    stop();
    if (same) return;
    button.setAttribute("aria-pressed", "true");
    hint.hidden = false;
    const kind = button.dataset.draw;
    sketch = new Sketch(map, kind === "ground" ? "polygon" : "line", (points, done) => {
      if (!done) return;
      keep(kind, points);
      window.setTimeout(stop, 0);
    });
  }

  for (const button of form.querySelectorAll("[data-draw]")) button.addEventListener("click", () => draw(button));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  undo.addEventListener("click", () => {
    [groundField.value, linesField.value] = before.pop();
    tell();
  });
  for (const field of [groundField, linesField]) field.addEventListener("change", tell);
  tell();
}

if (form) edit();
else look();
