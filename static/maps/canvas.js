// Tiles drawn on canvases: drawn again for a theme or a scale without being fetched, and new data is put in the place of
// the old only when it is there, so that nothing flickers.
//
// Not Leaflet.VectorGrid: it knows Leaflet's paths only (no numbers, no signs whose shape tells the state), and takes
// the old tiles away before it asks for new ones.

import { SIDE } from "./styles.js";

// A canvas of tiles. Options: `tiles`, `style(feature, zoom, coords) -> look | null`, `query() -> filters`, `loaded()`.
export const CanvasTiles = L.GridLayer.extend({
  createTile(coords, done) {
    const canvas = document.createElement("canvas");
    const size = this.getTileSize();
    const dense = window.devicePixelRatio || 1;
    canvas.width = size.x * dense;
    canvas.height = size.y * dense;
    canvas.webgis = { coords, features: [], dense: (dense * size.x) / SIDE };
    this.fill(canvas, {}).then(() => done(null, canvas));
    return canvas;
  },

  async fill(canvas, options) {
    const asked = (canvas.webgis.asked = {});
    const features = await this.options.tiles.load(canvas.webgis.coords, this.options.query(), { ...options, wider: this.options.wider, beyond: this.options.beyond });
    if (!features || canvas.webgis.asked !== asked) return;
    canvas.webgis.features = features;
    this.draw(canvas);
    if (this.options.loaded) this.options.loaded();
  },

  held() {
    return Object.values(this._tiles || {}).map((tile) => tile.el);
  },

  // New data for the tiles that are shown; the old stay until it is there.
  refresh(options = { fresh: true }) {
    return Promise.all(this.held().map((canvas) => this.fill(canvas, options)));
  },

  repaint() {
    for (const canvas of this.held()) this.draw(canvas);
  },

  draw(canvas) {
    const { coords, features, dense } = canvas.webgis;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(dense, dense);
    for (const feature of features) {
      const look = this.options.style(feature, coords);
      if (look) paint(context, feature, look);
    }
  },

  // The tile in which a place lies.
  zoomed(latlng) {
    const size = this.getTileSize();
    const { x, y } = this._map.project(latlng, this._tileZoom);
    return { x: Math.floor(x / size.x), y: Math.floor(y / size.y), z: this._tileZoom };
  },

  // What lies under a place of the map, the topmost first.
  under(latlng) {
    const point = this._map.project(latlng, this._tileZoom);
    const found = [];
    for (const canvas of this.held()) {
      const { coords, features } = canvas.webgis;
      const scale = SIDE / this.getTileSize().x;
      const here = [(point.x - coords.x * this.getTileSize().x) * scale, (point.y - coords.y * this.getTileSize().y) * scale];
      if (coords.z !== this._tileZoom || Math.min(...here) < 0 || Math.max(...here) >= SIDE) continue;
      found.push(...features.filter((feature) => this.options.style(feature, coords) && hit(feature, here)));
    }
    return found.reverse();
  },
});

function paint(context, feature, look) {
  context.beginPath();
  if (look.square) context.rect(...look.square);
  else if (feature.type === 1) for (const [[x, y]] of points(feature)) dot(context, x, y, look.radius);
  else for (const part of feature.parts) trace(context, part, feature.type === 3);
  if (look.fill) {
    context.globalAlpha = look.opacity ?? 1;
    context.fillStyle = look.fill;
    context.fill("evenodd");
    context.globalAlpha = 1;
  }
  if (look.line) {
    context.strokeStyle = look.line;
    context.lineWidth = look.width ?? 1;
    context.setLineDash(look.dash || []);
    context.lineJoin = "round";
    context.stroke();
  }
}

function points(feature) {
  return feature.parts.flatMap((part) => part.map((point) => [point]));
}

function dot(context, x, y, radius) {
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, Math.PI * 2);
}

function trace(context, part, closed) {
  part.forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (closed) context.closePath();
}

const NEAR = 9;

function hit(feature, [x, y]) {
  if (feature.type === 1) return feature.parts.some((part) => part.some(([a, b]) => Math.hypot(a - x, b - y) <= NEAR));
  if (feature.type === 2) return feature.parts.some((part) => part.some((point, place) => place && beside(part[place - 1], point, x, y)));
  return feature.parts.reduce((inside, part) => (crossings(part, x, y) % 2 ? !inside : inside), false);
}

function beside([ax, ay], [bx, by], x, y) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = length ? Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(ax + along * (bx - ax) - x, ay + along * (by - ay) - y) <= NEAR;
}

function crossings(ring, x, y) {
  let count = 0;
  for (let here = 0, last = ring.length - 1; here < ring.length; last = here, here += 1) {
    const [ax, ay] = ring[here];
    const [bx, by] = ring[last];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) count += 1;
  }
  return count;
}
