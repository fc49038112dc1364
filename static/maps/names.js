// Names of areas, as text over the map: one level at a time, the level following the zoom.

import { address, asker, box } from "./ask.js";
import { element, nameOf, ready } from "./dom.js";

const LEVELS = [
  { level: "county", from: 0, step: 1 },
  { level: "subdistrict", from: 12, step: 0.2 },
  { level: "community", from: 15, step: 0.05 },
];

export const Names = L.Layer.extend({
  initialize(source) {
    this.source = source;
    this.shown = new Map();
    this.level = "";
  },

  onAdd(map) {
    if (!map.getPane("names")) {
      map.createPane("names").style.zIndex = 450;
      map.getPane("names").style.pointerEvents = "none";
    }
    this.ask = asker(map);
    map.on("moveend", this.update, this);
    this.update();
  },

  onRemove(map) {
    map.off("moveend", this.update, this);
    this.clear();
  },

  clear() {
    for (const marker of this.shown.values()) marker.remove();
    this.shown.clear();
  },

  async update() {
    const { level, step } = LEVELS.findLast(({ from }) => this._map.getZoom() >= from);
    const found = await this.names(level, step);
    if (!found || !this._map) return;
    if (level !== this.level) this.clear();
    this.level = level;
    for (const area of found) if (!this.shown.has(area.code)) this.put(area, level);
    this.hideCovered();
    ready(this._map, "areas", level);
  },

  async names(level, step) {
    if (typeof this.source !== "string") return this.source.filter((area) => area.level === level);
    const told = await this.ask(address(this.source, { level, bbox: box(this._map, step) }));
    return told && told.names;
  },

  // A name that would lie over one before it waits for a nearer view.
  hideCovered() {
    const kept = [];
    for (const marker of this.shown.values()) {
      const name = marker.getElement().firstElementChild;
      const own = name.getBoundingClientRect();
      const free = kept.every(
        (other) => own.right < other.left || own.left > other.right || own.bottom < other.top || own.top > other.bottom,
      );
      name.classList.toggle("wg-name-covered", !free);
      if (free) kept.push(own);
    }
  },

  put(area, level) {
    const name = element("span", `wg-name wg-name-${level}`, nameOf(area));
    const made = L.divIcon({ html: name, className: "wg-label", iconSize: [0, 0] });
    const marker = L.marker([area.lat, area.lon], { icon: made, pane: "names", interactive: false, keyboard: false });
    this.shown.set(area.code, marker.addTo(this._map));
  },
});
