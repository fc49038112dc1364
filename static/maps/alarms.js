// The rings around alarms that stand: they swell and fade, but for readers who want no motion. What is clicked is the dot
// below them (styles.js); a ring catches nothing.

import { element } from "./dom.js";
import { SIDE } from "./styles.js";

const ORDER = 596;
const MOST = 300;

// Keep the rings of a canvas of alarms where its features are.
export function rings(map, canvas) {
  if (!canvas.webgisRings) {
    canvas.webgisRings = new Map();
    canvas.on("remove", () => clear(canvas));
    const pane = `webgis-${ORDER}`;
    if (!map.getPane(pane)) map.createPane(pane).style.zIndex = ORDER;
  }
  const kept = canvas.webgisRings;
  const found = places(map, canvas);
  for (const [id, ring] of kept) {
    if (!found.has(id)) {
      ring.remove();
      kept.delete(id);
    }
  }
  for (const [id, { latlng, properties }] of found) {
    const look = `wg-alarm-ring wg-alarm-rank-${properties.rank > 1 ? 2 : 1}`;
    if (!kept.has(id)) kept.set(id, ring(latlng).addTo(map));
    kept.get(id).setLatLng(latlng).getElement().firstChild.className = look;
  }
}

function ring(latlng) {
  const icon = L.divIcon({ className: "wg-alarm-box", html: element("span"), iconSize: [44, 44] });
  return L.marker(latlng, { icon, pane: `webgis-${ORDER}`, interactive: false, keyboard: false });
}

function places(map, canvas) {
  const size = canvas.getTileSize();
  const found = new Map();
  for (const { webgis } of canvas.held()) {
    for (const { properties, parts } of webgis.features) {
      const [[[x, y]]] = parts;
      const point = L.point(webgis.coords.x * size.x + (x / SIDE) * size.x, webgis.coords.y * size.y + (y / SIDE) * size.y);
      if (found.size < MOST) found.set(properties.alarm, { latlng: map.unproject(point, webgis.coords.z), properties });
    }
  }
  return found;
}

function clear(canvas) {
  for (const one of canvas.webgisRings.values()) one.remove();
  canvas.webgisRings.clear();
}
