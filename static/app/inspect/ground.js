// Maps of the phone: the cells of the own beat, which are on the phone; boundaries, cells and a basemap when there is
// network. Without any, pin and circle lie on plain ground.

import { config, english, make } from "./dom.js";

const CELLS_FROM = 16;
const CLOSE = 17;
const LINES = { county: { weight: 2 }, subdistrict: { weight: 1.5 }, community: { weight: 1, dashArray: "4 3" } };

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

async function json(address, signal) {
  try {
    const answer = await fetch(address, { signal, headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function box(map, step) {
  const bounds = map.getBounds();
  const down = (value) => (Math.floor(value / step) * step).toFixed(3);
  const up = (value) => (Math.ceil(value / step) * step).toFixed(3);
  return [down(bounds.getWest()), down(bounds.getSouth()), up(bounds.getEast()), up(bounds.getNorth())].join(",");
}

// Shapes of the view from an address: asked again when the map has moved, the last question wins.
function ofView(map, address, style, from, step) {
  const layer = L.geoJSON(null, { interactive: false, style }).addTo(map);
  let asked = "";
  let running = null;
  async function update() {
    const wanted = map.getZoom() >= from && navigator.onLine ? `${address}bbox=${box(map, step)}` : "";
    if (wanted === asked || !wanted) return;
    asked = wanted;
    running?.abort();
    running = new AbortController();
    const told = await json(wanted, running.signal);
    if (!told || asked !== wanted) return;
    layer.clearLayers();
    layer.addData(told);
  }
  map.on("moveend", update);
  update();
}

async function basemap(map) {
  if (!config.basemaps.length || !navigator.onLine) return;
  const { baseLayers } = await import("/static/maps/bases.js");
  const attribution = L.control.attribution({ prefix: false, position: "bottomleft" }).addTo(map);
  const dark = document.documentElement.dataset.look === "dark";
  const page = { map, facts: { basemaps: config.basemaps }, view: { theme: dark ? "dark" : "light" }, repaintAll: () => {}, attribution };
  baseLayers(page);
  await page.setBase(config.basemaps[0].name);
}

export function ground(element, place) {
  const right = document.documentElement.dataset.hand !== "left";
  const map = L.map(element, { zoomControl: false, attributionControl: false, maxZoom: 20, minZoom: 8, zoomSnap: 0.5, preferCanvas: true });
  L.control.zoom({ position: right ? "bottomright" : "bottomleft", zoomInTitle: element.dataset.in || "+", zoomOutTitle: element.dataset.out || "−" }).addTo(map);
  const [west, south, east, north] = config.bounds;
  if (place) map.setView([place.lat, place.lon], CLOSE, { animate: false });
  else map.fitBounds([[south, west], [north, east]], { animate: false });
  const line = { color: token("--line-strong"), fill: false };
  ofView(map, `${config.areas}?level=county&detail=near&`, { ...line, ...LINES.county }, 8, 0.5);
  ofView(map, `${config.areas}?level=subdistrict&detail=near&`, { ...line, ...LINES.subdistrict }, 12, 0.1);
  ofView(map, `${config.areas}?level=community&detail=near&`, { ...line, ...LINES.community }, 15, 0.05);
  ofView(map, `${config.cells}?`, { color: token("--accent"), weight: 0.75, opacity: 0.6, fill: false }, CELLS_FROM, 0.005);
  basemap(map).catch(() => {}); // a map without streets is a map still
  return map;
}

export function pin(place, label) {
  const mark = make("span", { class: "pin" });
  const icon = L.divIcon({ html: mark, className: "pin-box", iconSize: [36, 46], iconAnchor: [18, 44] });
  return L.marker([place.lat, place.lon], { icon, draggable: true, autoPan: true, keyboard: true, alt: label, title: label });
}

export function circle(place, radius) {
  return L.circle([place.lat, place.lon], { radius, weight: 1.5, color: token("--accent"), fillOpacity: 0.12, interactive: false });
}

// Where the phone is.
export function dot(place) {
  return L.circleMarker([place.lat, place.lon], { radius: 8, weight: 3, color: "#ffffff", fillColor: token("--accent"), fillOpacity: 1, interactive: false });
}

export const nameOf = (area) => (english && area.name_en) || area.name_zh;
export { CLOSE, token };
