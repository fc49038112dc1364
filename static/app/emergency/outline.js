// The outline of a ground: drawn by taps on a map, or typed as corners; both end in one field of the form.

import { Sketch, areaOf, squareMetres } from "../../maps/sketch.js";

const TYPED = /^-?\d{1,3}(\.\d+)?,-?\d{1,2}(\.\d+)?$/;

// `look()`: how it is drawn; `changed(points)`: told when the outline is another, of its corners; [] when there is none.
export function outline(form, map, look, changed) {
  const field = form.elements.corners;
  const button = form.querySelector("[data-draw]");
  const hint = form.querySelector("[data-drawing]");
  const size = form.querySelector("[data-size]");
  const shown = L.layerGroup().addTo(map);
  let sketch = null;

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

  function stop() {
    sketch?.stop();
    sketch = null;
    button.setAttribute("aria-pressed", "false");
    hint.hidden = true;
  }

  function put(points) {
    field.value = points.map(({ lng, lat }) => `${lng.toFixed(6)},${lat.toFixed(6)}`).join(" ");
    changed(show());
  }

  button.addEventListener("click", () => {
    const drawing = Boolean(sketch);
    stop();
    if (drawing) return;
    button.setAttribute("aria-pressed", "true");
    hint.hidden = false;
    map.getContainer().scrollIntoView({ block: "center" });
    sketch = new Sketch(map, "polygon", (points, done) => done && window.setTimeout(() => { stop(); put(points); }, 0));
  });
  field.addEventListener("change", () => {
    const points = show();
    if (points.length) map.fitBounds(L.latLngBounds(points).pad(0.5), { maxZoom: 18 });
    changed(points);
  });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  show();
  return { stop, show, hide: () => shown.clearLayers(), clear: () => { stop(); field.value = ""; show(); } };
}
