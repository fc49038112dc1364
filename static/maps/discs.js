// Cases on the map: signs of single ones, discs with numbers where there are several. Tiles bring points that count for
// one or many; here they are put together by squares of the screen that lie within tiles, so that no number changes
// when the way of counting does. Markers are kept by name: what has not changed is not touched.

import { element, ready, short, sign } from "./dom.js";
import { SIDE } from "./styles.js";

const NEW_MS = 1600;

// Tiles are made to this zoom; beyond it the last are used.
const LAST = 18;

function squareOf(zoom) {
  return zoom >= 17 ? 32 : 64;
}

// The light of the handling clock: a fifth of the limit left is soon (webgis/cases/clock.py).
export function lightOf({ dispatched, deadline, paused }, now = Date.now() / 1000) {
  if (!deadline) return "";
  if (paused) return "grey";
  if (now > deadline) return "red";
  return deadline - now < (deadline - dispatched) / 5 ? "amber" : "green";
}

export function groups(tiles, zoom) {
  const found = new Map();
  const square = squareOf(zoom);
  for (const { coords, features } of tiles) {
    for (const { properties, parts } of features) {
      const [[[x, y]]] = parts;
      const key = `${coords.x * (SIDE / square) + Math.floor(x / square)}/${coords.y * (SIDE / square) + Math.floor(y / square)}`;
      const count = Number(properties.count);
      const group = found.get(key) || { key, count: 0, open: 0, x: 0, y: 0, cases: [] };
      group.count += count;
      group.open += properties.open === undefined ? ("number" in properties ? Number(!properties.ended) * count : 0) : Number(properties.open);
      group.x += (coords.x * SIDE + x) * count;
      group.y += (coords.y * SIDE + y) * count;
      if (properties.number) group.cases.push(properties);
      found.set(key, group);
    }
  }
  return [...found.values()].map((group) => ({ ...group, x: group.x / group.count, y: group.y / group.count }));
}

function discOf(group, words) {
  const disc = element("div", "wg-cluster");
  const part = (group.open / group.count) * 360;
  disc.style.setProperty("--wg-part", `${part}deg`);
  disc.append(element("span", "wg-cluster-number", short(group.count)));
  if (group.cases.some((one) => lightOf(one) === "red")) disc.append(element("span", "wg-late wg-late-red", "!"));
  const told = `${group.count} ${words.cases}, ${group.open} ${words.open_part}`;
  const size = group.count < 10 ? 34 : group.count < 100 ? 40 : group.count < 1000 ? 46 : 54;
  return { html: disc, size, told, className: "wg-cluster-box" };
}

function signOf(facts, row) {
  const light = lightOf(facts);
  const made = sign(row, light === "red" || light === "amber" ? light : "");
  return { html: made, size: 30, told: `${row.word} ${facts.number}`, className: "wg-sign-box" };
}

// The layer. Options: `tiles`, `query()`, `states`, `words`, `open(kind, what, marker)`.
export const Discs = L.Layer.extend({
  initialize(options) {
    L.setOptions(this, options);
    this.rows = new Map(options.states.map((row) => [row.state, row]));
    this.ended = new Set(options.states.filter((row) => row.shape === "small").map((row) => row.state));
    this.markers = new Map();
  },

  onAdd(map) {
    this.group = L.layerGroup().addTo(map);
    map.on("moveend", this.moved, this);
    return this.update({});
  },

  onRemove(map) {
    map.off("moveend", this.moved, this);
    this.asked = null;
    this.group.remove();
    this.markers.clear();
  },

  moved() {
    return this.update({});
  },

  refresh(options = { fresh: true }) {
    return this._map ? this.update(options) : null;
  },

  repaint() {},

  zoom() {
    return Math.min(this._map.getZoom(), LAST);
  },

  // The view in pixels of the zoom of the tiles.
  pixels() {
    const bounds = this._map.getBounds();
    const corner = (latlng) => this._map.project(latlng, this.zoom());
    return L.bounds(corner(bounds.getNorthWest()), corner(bounds.getSouthEast()));
  },

  // The tiles that the view touches.
  coords() {
    const z = this.zoom();
    const { min, max } = this.pixels();
    const span = (from, to) => {
      const [first, last] = [Math.max(0, Math.floor(from / SIDE)), Math.min(2 ** z - 1, Math.floor(to / SIDE))];
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => first + place);
    };
    return span(min.y, max.y).flatMap((y) => span(min.x, max.x).map((x) => ({ z, x, y })));
  },

  async update(options) {
    const asked = (this.asked = {});
    const zoom = this.zoom();
    const query = this.options.query();
    const tiles = await Promise.all(
      this.coords().map(async (coords) => ({ coords, features: await this.options.tiles.load(coords, query, options) })),
    );
    if (this.asked !== asked || !this._map || tiles.some((tile) => tile.features === null)) return;
    for (const { features } of tiles) for (const { properties } of features) properties.ended = this.ended.has(properties.state);
    this.show(groups(tiles, zoom), zoom, Boolean(options.fresh));
  },

  show(found, zoom, live) {
    const wanted = new Set();
    for (const group of found) {
      const single = group.count === 1 && group.cases.length === 1 && this.rows.has(group.cases[0].state);
      const name = single ? group.cases[0].number : `${zoom}/${group.key}`;
      wanted.add(name);
      this.put(name, group, single, zoom, live);
    }
    for (const [name, marker] of this.markers) {
      if (wanted.has(name)) continue;
      marker.remove();
      this.markers.delete(name);
    }
    const view = this.pixels();
    const seen = found.filter((group) => view.contains([group.x, group.y]));
    this.total = seen.reduce((sum, group) => sum + group.count, 0);
    this.fire("counted");
    ready(this._map, "cases", this.total);
  },

  put(name, group, single, zoom, live) {
    const look = single ? signOf(group.cases[0], this.rows.get(group.cases[0].state)) : discOf(group, this.options.words);
    const place = this._map.unproject([group.x, group.y], zoom);
    const print = look.html.outerHTML;
    let marker = this.markers.get(name);
    const icon = marker && marker.print === print ? null : L.divIcon({ ...look, iconSize: [look.size, look.size], popupAnchor: [0, -12] });
    if (!marker) {
      marker = L.marker(place, { icon, keyboard: true, riseOnHover: true }).addTo(this.group);
      marker.on("click", () => this.options.open(marker.webgis, marker));
      this.markers.set(name, marker);
    }
    marker.webgis = { ...group, single, place, zoom };
    if (!marker.getLatLng().equals(place)) marker.setLatLng(place);
    if (!icon) return;
    marker.print = print;
    if (marker.options.icon !== icon) marker.setIcon(icon);
    const box = marker.getElement();
    box.setAttribute("aria-label", look.told);
    box.title = look.told;
    if (!live) return;
    box.classList.add("wg-changed");
    window.setTimeout(() => box.classList.remove("wg-changed"), NEW_MS);
  },
});

