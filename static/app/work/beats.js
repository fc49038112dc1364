// Beats on the map: the cells of each are coloured, those of several stand out. At the form of one beat cells are taken in
// and left out by taps or by drawing around them; the field of codes holds what is chosen, also of what is not in view.

import { address, asker, box as boxOf } from "../../maps/ask.js";
import { fill, ready } from "../../maps/dom.js";
import { Sketch } from "../../maps/sketch.js";
import { ground } from "../place.js";

const CELL = /^\d{15}$/;
const HUES = [210, 150, 280, 30, 185, 330, 95, 245];

const holder = document.querySelector("[data-beat-map]");
const form = document.querySelector("[data-beat-form]");
const near = document.querySelector("[data-near]");
const own = holder.dataset.code || "";
const [west, south, east, north] = holder.dataset.bounds.split(",").map(Number);
const map = ground(holder, L.latLngBounds([south, west], [north, east]));
const ask = asker(map);
const chosen = new Set();
const known = new Map();

map.createPane("beats").style.zIndex = 400;
const shapes = L.geoJSON(null, { pane: "beats", renderer: L.canvas({ pane: "beats", padding: 0.2 }), style: styled, interactive: Boolean(form) }).addTo(map);

// A beat has the same colour wherever it is seen.
function hue(code) {
  return HUES[Array.from(code).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % HUES.length];
}

function styled({ properties: { code, beats } }) {
  const others = beats.filter((one) => one !== own);
  const mine = form ? chosen.has(code) || (!code && beats[0] === own) : beats.length > 0;
  const twice = form ? mine && others.length > 0 : beats.length > 1;
  if (twice) return { color: "#b91c1c", weight: 1.5, fillColor: "#dc2626", fillOpacity: 0.45 };
  if (form && mine) return { color: "#1d4ed8", weight: 1.5, fillColor: "#2563eb", fillOpacity: 0.5 };
  if (!beats.length || (form && !others.length)) return { color: "#64748b", weight: 0.75, fillColor: "#64748b", fillOpacity: 0.04 };
  if (form) return { color: "#64748b", weight: 0.75, fillColor: "#64748b", fillOpacity: 0.3 };
  const colour = `hsl(${hue(beats[0])} 65% 42%)`;
  return { color: colour, weight: 0.75, fillColor: colour, fillOpacity: 0.4 };
}

async function update() {
  const data = await ask(address(holder.dataset.beats, { bbox: boxOf(map, 0.01) }));
  if (!data) return;
  near.hidden = !data.more;
  shapes.clearLayers();
  for (const one of data.features) known.set(one.properties.code, one.properties.beats);
  shapes.addData(data);
  ready(map, "beatCells", data.features.length);
}

map.on("moveend", update);
update();

// ---- the form of one beat

function edit() {
  const field = form.querySelector("[data-codes]");
  const count = form.querySelector("[data-count]");
  const undo = form.querySelector("[data-undo]");
  const hint = form.querySelector("[data-drawing]");
  const before = [];
  let sketch = null;
  let typed = [];

  // Codes of cells are chosen ones; areas and runs stay as they were typed.
  function read() {
    const parts = field.value.split(/[\s,;，；、]+/).filter(Boolean);
    chosen.clear();
    typed = parts.filter((part) => !CELL.test(part));
    for (const part of parts) if (CELL.test(part)) chosen.add(part);
  }

  function tell() {
    field.value = [...typed, ...[...chosen].sort()].join(" ");
    const others = [...chosen].filter((code) => (known.get(code) || []).some((one) => one !== own)).length;
    count.textContent = [fill(count.dataset.word, { n: chosen.size }), others ? fill(count.dataset.wordOthers, { n: others }) : ""].filter(Boolean).join(" · ");
    count.classList.toggle("beat-conflict", others > 0);
    undo.disabled = before.length === 0;
    holder.dataset.chosen = chosen.size;
    shapes.setStyle(styled);
  }

  function change(codes, adding) {
    before.push([...chosen]);
    for (const code of codes) if (adding) chosen.add(code); else chosen.delete(code);
    tell();
  }

  // The cells whose middle lies inside what was drawn.
  function within(ring) {
    const found = [];
    shapes.eachLayer((shape) => {
      const { lat, lng } = shape.getBounds().getCenter();
      const inside = ring.reduce((odd, a, place) => {
        const b = ring[(place + 1) % ring.length];
        return (a.lat > lat) !== (b.lat > lat) && lng < ((b.lng - a.lng) * (lat - a.lat)) / (b.lat - a.lat) + a.lng ? !odd : odd;
      }, false);
      if (inside && shape.feature.properties.code) found.push(shape.feature.properties.code);
    });
    return found;
  }

  function stop() {
    if (sketch) sketch.stop();
    sketch = null;
    hint.hidden = true;
    for (const one of form.querySelectorAll("[data-draw]")) one.setAttribute("aria-pressed", "false");
  }

  function draw(button) {
    const same = sketch && button.getAttribute("aria-pressed") === "true";
    stop();
    if (same) return;
    button.setAttribute("aria-pressed", "true");
    hint.hidden = false;
    sketch = new Sketch(map, "polygon", (points, done) => {
      if (!done) return;
      const adding = button.dataset.draw === "add";
      change(within(points), adding);
      window.setTimeout(stop, 0);
    });
  }

  shapes.on("click", ({ layer }) => {
    const { code } = layer.feature.properties;
    if (sketch || !code) return;
    change([code], !chosen.has(code));
  });
  for (const button of form.querySelectorAll("[data-draw]")) button.addEventListener("click", () => draw(button));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  undo.addEventListener("click", () => {
    const last = before.pop() || [];
    chosen.clear();
    for (const code of last) chosen.add(code);
    tell();
  });
  field.addEventListener("change", () => { read(); tell(); });
  read();
  tell();
}

if (form) edit();
