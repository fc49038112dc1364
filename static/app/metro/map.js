// The metro on a small map: zones, lines and stations as tiles, with what a page shows besides (the ground of a permit).
// At an application the ground is drawn, and the zones that it touches are told at once, before anything is sent.

import { CanvasTiles } from "../../maps/canvas.js";
import { element, nameOf, ready } from "../../maps/dom.js";
import { paintsOf, STYLES } from "../../maps/styles.js";
import { Tiles } from "../../maps/tiles.js";
import { drawing } from "../drawing.js";
import { ground } from "../place.js";

const holder = document.querySelector("[data-metro-map]");
const form = document.querySelector("[data-permit-form]");
const [west, south, east, north] = holder.dataset.bounds.split(",").map(Number);
const map = ground(holder, L.latLngBounds([south, west], [north, east]));
let paints = paintsOf(map.getContainer());

map.createPane("metro").style.zIndex = 400;
const tiles = new CanvasTiles({
  pane: "metro",
  tiles: new Tiles(map, "/tiles/{layer}/{z}/{x}/{y}.mvt", "metro"),
  query: () => ({}),
  style: (feature, coords) => STYLES.metro(feature, coords, paints),
  loaded: () => ready(map, "metro"),
  minZoom: 9,
  maxNativeZoom: 18,
  updateWhenIdle: false,
}).addTo(map);
document.documentElement.addEventListener("webgis:theme", () => {
  paints = paintsOf(map.getContainer());
  tiles.repaint();
});

const shown = document.getElementById("shapes");
if (shown) {
  const look = ({ properties }) => {
    const paint = properties.kind === "permit" ? "#1d4ed8" : paints[`zone-${properties.kind}`];
    return { color: paint, weight: properties.kind === "permit" ? 2.5 : 1.25, dashArray: properties.kind === "permit" ? null : "4 3", fillColor: paint, fillOpacity: properties.kind === "permit" ? 0.25 : 0.06 };
  };
  L.geoJSON(JSON.parse(shown.textContent), { style: look, interactive: false }).addTo(map);
}

// What lies under a click, with the way to its page.
function tell(latlng) {
  const [feature] = tiles.under(latlng);
  if (!feature || !feature.properties.code) return;
  const box = element("div", "wg-popup");
  const link = element("a", "wg-popup-number", nameOf(feature.properties));
  link.href = holder.dataset.structures + feature.properties.code;
  box.append(element("div", "wg-popup-kind", holder.dataset[`word${feature.properties.part === "zone" ? "Zone" : "Structure"}`]), link);
  L.popup({ minWidth: 160 }).setLatLng(latlng).setContent(box).openOn(map);
}

const button = form?.querySelector("[data-draw]");
map.on("click", ({ latlng }) => button?.getAttribute("aria-pressed") !== "true" && tell(latlng));

// ---- the ground of an application

function edit() {
  const field = form.elements.ground;
  const said = form.querySelector("[data-said]");
  let drawn = null;
  let asked = null;

  const corners = () => field.value.trim().split(/\s+/).filter(Boolean).map((part) => part.split(",").map(Number));

  function show() {
    if (drawn) drawn.remove();
    const points = corners();
    if (points.length < 3 || points.flat().some((value) => !Number.isFinite(value))) return;
    drawn = L.polygon(points.map(([lon, lat]) => [lat, lon]), { color: "#1d4ed8", weight: 2.5, fillOpacity: 0.2, interactive: false }).addTo(map);
    ask();
  }

  // Asked with what the form says so far; days that are missing are today's. An answer that is older than the last question is none.
  async function ask() {
    const mine = (asked = {});
    const points = corners();
    if (points.length < 3) return undefined;
    const today = holder.dataset.today;
    const body = {
      purpose: form.elements.purpose.value || "other",
      ground: { type: "Polygon", coordinates: [[...points, points[0]]] },
      crs: "cgcs2000",
      starts: form.elements.starts.value || today,
      ends: form.elements.ends.value || form.elements.starts.value || today,
    };
    const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": form.elements.csrf_token.value };
    const answer = await fetch("/api/v1/metro/permits/check", { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
    if (!answer || mine !== asked) return undefined;
    if (!answer.ok) return said.replaceChildren(element("li", "", said.dataset.wordBad));
    const { zones } = await answer.json();
    if (mine !== asked) return undefined;
    said.replaceChildren(...(zones.length ? zones.map(row) : [element("li", "", said.dataset.wordNone)]));
    ready(map, "checked", zones.length);
    return undefined;
  }

  function row(zone) {
    const item = element("li");
    const words = said.dataset;
    item.append(element("b", "", words[`word${zone.kind[0].toUpperCase()}${zone.kind.slice(1)}`]), element("span", "", nameOf(zone)));
    item.append(element("span", "num", `${zone.away_m} m`));
    item.append(element("span", `badge-word ${zone.allows === "excluded" ? "badge-bad" : "badge-warn"}`, words[zone.allows === "excluded" ? "wordExcluded" : "wordAgreement"]));
    if (zone.approximate) item.append(element("span", "sub", words.wordRough));
    return item;
  }

  function put(points) {
    field.value = points.map(({ lng, lat }) => `${lng.toFixed(6)},${lat.toFixed(6)}`).join(" ");
    show();
  }

  drawing(map, button, form.querySelector("[data-drawing]"), put, () => drawn?.remove());
  field.addEventListener("change", () => {
    show();
    if (drawn) map.fitBounds(drawn.getBounds().pad(1), { maxZoom: 18 });
  });
  for (const name of ["purpose", "starts", "ends"]) form.elements[name].addEventListener("change", ask);
  show();
}

if (form) edit();
