// The outline of a ground: drawn by taps on a map, or typed as corners; both end in one field of the form.

import { areaOf, squareMetres } from "../../maps/sketch.js";
import { drawing } from "../drawing.js";

const TYPED = /^-?\d{1,3}(\.\d+)?,-?\d{1,2}(\.\d+)?$/;

// `look()`: how it is drawn; `changed(points)`: told when the outline is another, of its corners; [] when there is none.
export function outline(form, map, look, changed) {
  const field = form.elements.corners;
  const size = form.querySelector("[data-size]");
  const shown = L.layerGroup().addTo(map);

  // The corners that stand in the field; [] when they are none that can be used.
  function corners() {
    const parts = field.value.trim().split(/\s+/).filter(Boolean);
    if (parts.length < 3 || !parts.every((part) => TYPED.test(part))) return [];
    return parts.map((part) => part.split(",").map(Number)).map(([lng, lat]) => L.latLng(lat, lng));
  }

  function show() {
    shown.clearLayers();
    const points = corners();
    size.textContent = points.length ? squareMetres(areaOf(points)) : "";
    if (points.length) L.polygon(points, { ...look(), interactive: false }).addTo(shown);
    return points;
  }

  function put(points) {
    field.value = points.map(({ lng, lat }) => `${lng.toFixed(6)},${lat.toFixed(6)}`).join(" ");
    changed(show());
  }

  const toMap = () => map.getContainer().scrollIntoView({ block: "center" });
  const stop = drawing(map, form.querySelector("[data-draw]"), form.querySelector("[data-drawing]"), put, toMap);
  field.addEventListener("change", () => {
    const points = show();
    if (points.length) map.fitBounds(L.latLngBounds(points).pad(0.5), { maxZoom: 18 });
    changed(points);
  });
  show();
  return { stop, show, hide: () => shown.clearLayers(), clear: () => { stop(); field.value = ""; show(); } };
}
