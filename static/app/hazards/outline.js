// The form of a hazard source: its outline is drawn on the map, or pasted as GeoJSON; rows of stocks are added.

import { areaOf, squareMetres } from "../../maps/sketch.js";
import { drawing } from "../drawing.js";
import { ground } from "../place.js";

const LOOK = { color: "#b91c1c", weight: 2, fillColor: "#dc2626", fillOpacity: 0.25, interactive: false };

const holder = document.querySelector("[data-outline-map]");
const field = document.querySelector("[data-outline]");
const size = document.querySelector("[data-outline-size]");
const [west, south, east, north] = holder.dataset.bounds.split(",").map(Number);
const map = ground(holder, L.latLngBounds([south, west], [north, east]));
map.createPane("hazard").style.zIndex = 410;
let drawn = null;

function show() {
  drawn?.remove();
  drawn = null;
  size.textContent = "";
  if (!field.value.trim()) return;
  try {
    drawn = L.geoJSON(JSON.parse(field.value), { style: { ...LOOK, pane: "hazard" } }).addTo(map);
    const ring = drawn.getLayers()[0].getLatLngs().flat(Infinity);
    if (ring.length) size.textContent = squareMetres(areaOf(ring));
  } catch {
    size.textContent = size.dataset.wordWrong;
  }
}

drawing(map, document.querySelector("[data-draw-outline]"), document.querySelector("[data-drawing]"), (points) => {
  const ring = [...points, points[0]].map(({ lng, lat }) => [Number(lng.toFixed(7)), Number(lat.toFixed(7))]);
  field.value = JSON.stringify({ type: "Polygon", coordinates: [ring] });
  show();
});
field.addEventListener("change", () => {
  show();
  if (drawn) map.fitBounds(drawn.getBounds().pad(0.5));
});
show();

// ---- one more row: a copy of the last, emptied

for (const more of document.querySelectorAll("[data-more]")) {
  more.hidden = false;
  more.addEventListener("click", () => {
    const rows = more.closest("fieldset").querySelectorAll("[data-row]");
    const row = rows[rows.length - 1].cloneNode(true);
    for (const input of row.querySelectorAll("input")) {
      if (input.type === "checkbox") {
        input.checked = false;
        input.value = String(rows.length);
      } else input.value = "";
    }
    rows[rows.length - 1].after(row);
    row.querySelector("input").focus();
  });
}
