// Vector tiles from the server: asked for, decoded, kept.

import { PbfReader } from "pbf";
import { VectorTile } from "@mapbox/vector-tile";
import { say } from "./notice.js";
import { SIDE } from "./styles.js";

const KEPT = 300;

// The tiles of one name: asks, decodes, keeps. A feature is {properties, type, parts} with parts in pixels of the tile.
export class Tiles {
  constructor(map, template, name) {
    this.map = map;
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
  // way waits for the same answer.
  load(coords, query, { fresh = false } = {}) {
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

function decode(bytes) {
  const tile = new VectorTile(new PbfReader(new Uint8Array(bytes)));
  const features = [];
  for (const layer of Object.values(tile.layers)) {
    const scale = SIDE / layer.extent;
    for (let place = 0; place < layer.length; place += 1) {
      const feature = layer.feature(place);
      const parts = feature.loadGeometry().map((part) => part.map(({ x, y }) => [x * scale, y * scale]));
      features.push({ layer: layer.name, properties: feature.properties, type: feature.type, parts });
    }
  }
  return features;
}
