// Vector tiles from the server: asked for, decoded, kept.

import { PbfReader } from "pbf";
import { VectorTile } from "@mapbox/vector-tile";
import { say } from "./notice.js";
import { SIDE } from "./styles.js";

const KEPT = 300;

// The tiles of one name: asks, decodes, keeps. A feature is {properties, type, parts} with parts in pixels of the tile.
export class Tiles {
  // `reach`: west, south, east, north, beyond which there is nothing but what says so (`beyond`).
  constructor(map, template, name, reach = null) {
    this.map = map;
    this.reach = reach && L.latLngBounds([reach[1], reach[0]], [reach[3], reach[2]]);
    this.template = template.replace("{layer}", name);
    this.kept = new Map();
    this.coming = new Map();
  }

  address(coords, query) {
    const path = this.template.replace("{z}", coords.z).replace("{x}", coords.x).replace("{y}", coords.y);
    const asked = new URLSearchParams(query).toString();
    return asked ? `${path}?${asked}` : path;
  }

  // Null when there is no answer. `fresh`: ask the server whether it still holds. Who asks for what is already on its
  // way waits for the same answer. `wider`: the part of a tile so many zooms further out.
  async load(coords, query, { fresh = false, wider = 0, beyond = false } = {}) {
    if (!beyond && this.reach && !this.reach.intersects(this.box(coords))) return [];
    const out = Math.min(wider, coords.z);
    if (out === 0) return this.whole(coords, query, fresh);
    const around = { z: coords.z - out, x: coords.x >> out, y: coords.y >> out };
    const features = await this.whole(around, query, fresh);
    return features && cut(features, coords, around, 2 ** out);
  }

  box({ x, y, z }) {
    const corner = (a, b) => this.map.unproject([a * SIDE, b * SIDE], z);
    return L.latLngBounds(corner(x, y), corner(x + 1, y + 1));
  }

  whole(coords, query, fresh) {
    const address = this.address(coords, query);
    if (this.coming.has(address)) return this.coming.get(address);
    if (!fresh && this.kept.has(address)) return Promise.resolve(this.kept.get(address));
    const answer = this.fetched(address, fresh).finally(() => this.coming.delete(address));
    this.coming.set(address, answer);
    return answer;
  }

  async fetched(address, fresh) {
    try {
      const answer = await fetch(address, { cache: fresh ? "no-cache" : "default" });
      if (answer.status === 401) window.location.reload();
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const features = decode(await answer.arrayBuffer());
      this.keep(address, features);
      say(this.map, "offline", false);
      return features;
    } catch {
      say(this.map, "offline", true);
      return null;
    }
  }

  keep(address, features) {
    this.kept.delete(address);
    this.kept.set(address, features);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}

// Features of a tile as the tile at `coords` within it has them; those that do not touch it are left out.
function cut(features, coords, around, times) {
  const [left, top] = [(coords.x - around.x * times) * SIDE, (coords.y - around.y * times) * SIDE];
  const near = ({ box }) => box[0] * times <= left + SIDE && box[2] * times >= left && box[1] * times <= top + SIDE && box[3] * times >= top;
  return features.filter(near).map((feature) => ({
    ...feature,
    parts: feature.parts.map((points) => points.map(([x, y]) => [x * times - left, y * times - top])),
  }));
}

function boxOf(parts) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const part of parts) {
    for (const [x, y] of part) {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    }
  }
  return box;
}

function decode(bytes) {
  const tile = new VectorTile(new PbfReader(new Uint8Array(bytes)));
  const features = [];
  for (const layer of Object.values(tile.layers)) {
    const scale = SIDE / layer.extent;
    for (let place = 0; place < layer.length; place += 1) {
      const feature = layer.feature(place);
      const parts = feature.loadGeometry().map((part) => part.map(({ x, y }) => [x * scale, y * scale]));
      features.push({ layer: layer.name, properties: feature.properties, type: feature.type, parts, box: boxOf(parts) });
    }
  }
  return features;
}
