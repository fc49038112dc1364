// What Folium's generated script calls by name.

import { baseLayers } from "./bases.js";
import { onDuty } from "./duty.js";
import { live } from "./live.js";
import { Page } from "./page.js";
import { Tiles } from "./tiles.js";

const pages = new WeakMap();
const shown = new WeakMap();

// One of each name: layers that draw the same tiles ask once.
function shared(make) {
  const made = new Map();
  return (name) => made.get(name) || made.set(name, make(name)).get(name);
}

window.webgisMaps = {
  frame: (map, id) => {
    const page = new Page(map, id, ({ facts: { addresses, reach } }) => ({
      tilesOf: shared((name) => new Tiles(map, addresses.tiles, name, reach)),
      names: addresses.names,
    }));
    pages.set(map, page);
    shown.set(map.getContainer(), page);
    return page;
  },
  // The map of an element, for scripts that look on.
  of: (container) => shown.get(container),
  layer: (map, name) => pages.get(map).addLayer(name),
  controls: (map) => {
    const page = pages.get(map);
    baseLayers(page);
    page.controls();
    onDuty(page);
    live(page);
    return page;
  },
};
