// Drawing on the map by taps: a line or polygon that the last point ends when it is tapped again, or a rectangle by two
// opposite corners. Escape gives up, Enter ends, the back key takes the last point away.

const CLOSE_PX = 14;

export class Sketch {
  // `shape`: line, polygon or rectangle. `changed(points, done)` is told of every point.
  constructor(map, shape, changed) {
    this.map = map;
    this.shape = shape;
    this.changed = changed;
    this.points = [];
    this.drawn = L.layerGroup().addTo(map);
    this.hands = { click: (event) => this.tap(event.latlng), mousemove: (event) => this.hover(event.latlng) };
    this.keys = (event) => this.key(event);
    map.on(this.hands);
    map.doubleClickZoom.disable();
    document.addEventListener("keydown", this.keys);
    map.getContainer().classList.add("wg-drawing");
  }

  tap(latlng) {
    if (this.done) return;
    const last = this.points.at(-1);
    const near = last && this.map.latLngToContainerPoint(last).distanceTo(this.map.latLngToContainerPoint(latlng)) < CLOSE_PX;
    if (near) {
      if (this.enough()) this.end();
      return;
    }
    this.points.push(latlng);
    if (this.shape === "rectangle" && this.points.length === 2) this.end();
    else this.tell();
  }

  hover(latlng) {
    if (!this.done && this.points.length) this.draw([...this.points, latlng]);
  }

  key(event) {
    if (event.target.matches("input, select, textarea")) return;
    if (event.key === "Escape") this.stop();
    if (event.key === "Enter" && this.enough()) this.end();
    if (event.key === "Backspace") this.undo();
  }

  enough() {
    return this.points.length >= (this.shape === "polygon" ? 3 : 2);
  }

  undo() {
    if (this.done) return;
    this.points.pop();
    this.tell();
  }

  tell() {
    this.draw(this.points);
    this.changed(this.points, false);
  }

  end() {
    this.done = true;
    this.rest();
    this.draw(this.points);
    this.changed(this.ring(), true);
  }

  // The corners of what was drawn.
  ring() {
    if (this.shape !== "rectangle") return this.points;
    const box = L.latLngBounds(this.points);
    return [box.getNorthWest(), box.getNorthEast(), box.getSouthEast(), box.getSouthWest()];
  }

  draw(points) {
    const look = { weight: 2.5, className: "wg-sketch", interactive: false };
    this.drawn.clearLayers();
    if (this.shape === "rectangle" && points.length > 1) L.rectangle(L.latLngBounds(points), look).addTo(this.drawn);
    else if (this.shape === "polygon" && points.length > 2) L.polygon(points, look).addTo(this.drawn);
    else L.polyline(points, look).addTo(this.drawn);
    for (const point of this.points) L.circleMarker(point, { ...look, radius: 5, className: "wg-sketch-point" }).addTo(this.drawn);
  }

  // No more taps; what was drawn stays.
  rest() {
    this.map.off(this.hands);
    document.removeEventListener("keydown", this.keys);
    this.map.getContainer().classList.remove("wg-drawing");
    window.setTimeout(() => this.map.doubleClickZoom.enable(), 300);
  }

  stop() {
    if (!this.done) this.rest();
    this.done = true;
    this.drawn.remove();
  }
}

// Lengths and areas, on a plane that touches the ellipsoid at the middle of what is measured.

const A = 6378137;
const E2 = 0.00669438002290079;

// Metres east and north of the first point.
function plane(points) {
  const radians = Math.PI / 180;
  const middle = (points.reduce((sum, { lat }) => sum + lat, 0) / points.length) * radians;
  const bend = 1 - E2 * Math.sin(middle) ** 2;
  const north = (A * (1 - E2)) / bend ** 1.5;
  const east = (A / Math.sqrt(bend)) * Math.cos(middle);
  const [{ lat, lng }] = points;
  return points.map((point) => [(point.lng - lng) * radians * east, (point.lat - lat) * radians * north]);
}

export function lengthOf(points) {
  return points.slice(1).reduce((sum, point, place) => {
    const [[x, y], [a, b]] = plane([points[place], point]);
    return sum + Math.hypot(a - x, b - y);
  }, 0);
}

export function areaOf(points) {
  const flat = plane(points);
  const twice = flat.reduce((sum, [x, y], place) => {
    const [a, b] = flat[(place + 1) % flat.length];
    return sum + x * b - a * y;
  }, 0);
  return Math.abs(twice) / 2;
}

export function metres(value) {
  return value < 1000 ? `${value.toFixed(value < 10 ? 1 : 0)} m` : `${(value / 1000).toFixed(value < 10000 ? 2 : 1)} km`;
}

export function squareMetres(value) {
  return value < 1e5 ? `${Math.round(value).toLocaleString()} m²` : `${(value / 1e6).toFixed(value < 1e7 ? 3 : 1)} km²`;
}
