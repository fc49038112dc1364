// Maps of one place: chosen by a pin (report form) or shown (case page). The ground is that of the large map.

import { areaLayer, cellLayer } from "../maps/small.js";

const CELLS_FROM = 16;

export function ground(box, view) {
  const map = L.map(box, { zoomControl: false, attributionControl: false, maxZoom: 20, minZoom: 4, zoomSnap: 0.5 });
  L.control.zoom({ position: "topright", zoomInTitle: box.dataset.zoomIn, zoomOutTitle: box.dataset.zoomOut }).addTo(map);
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", box.dataset.label);
  if (Array.isArray(view)) map.setView(view, 17, { animate: false });
  else map.fitBounds(view, { animate: false });
  areaLayer(map, { address: box.dataset.areas }).addTo(map);
  cellLayer(map, { address: box.dataset.cells, min_zoom: CELLS_FROM, words: null }).addTo(map);
  return map;
}

export function position() {
  return new Promise((resolve, reject) => {
    navigator.geolocation.getCurrentPosition(resolve, reject, { enableHighAccuracy: true, timeout: 15000 });
  });
}

export const distance = (metres) => (metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`);
