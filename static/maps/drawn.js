// A map that stands alone: the same page, whose tiles are cut here from the data in the file.

import { Page } from "./page.js";
import { SIDE } from "./styles.js";

const POLYGON = 3;

// A ring of degrees in pixels of the world at zoom 0.
function flat(ring) {
  return ring.map(([lon, lat]) => {
    const { x, y } = L.CRS.EPSG3857.latLngToPoint(L.latLng(lat, lon), 0);
    return [x, y];
  });
}

function shape(properties, parts) {
  const points = parts.flat();
  const side = (which, of) => points.reduce((found, point) => of(found, point[which]), points[0][which]);
  return { properties, parts, box: [side(0, Math.min), side(1, Math.min), side(0, Math.max), side(1, Math.max)] };
}

// Tiles cut from shapes, in the manner of `Tiles`.
class OwnTiles {
  constructor(shapes) {
    this.shapes = shapes;
  }

  async load({ x, y, z }, query) {
    const side = SIDE / 2 ** z;
    const touches = ([west, north, east, south]) => west < (x + 1) * side && east > x * side && north < (y + 1) * side && south > y * side;
    const scale = 2 ** z;
    return this.shapes
      .filter(({ properties, box }) => (!query.level || properties.level === query.level) && touches(box))
      .map(({ properties, parts }) => ({
        properties,
        type: POLYGON,
        parts: parts.map((part) => part.map(([a, b]) => [a * scale - x * SIDE, b * scale - y * SIDE])),
      }));
  }
}

function binShape([x, y, count, open], zoom) {
  const side = SIDE / 2 ** zoom;
  const [west, north, east, south] = [x * side, y * side, (x + 1) * side, (y + 1) * side];
  return shape({ count, open }, [[[west, north], [east, north], [east, south], [west, south]]]);
}

function sources({ facts: { data } }) {
  const areas = data.areas.map(({ rings, ...facts }) => shape(facts, rings.map(flat)));
  const bins = data.bins.map((bin) => binShape(bin, data.bin_zoom));
  const made = { areas: new OwnTiles(areas), bins: new OwnTiles(bins) };
  return { tilesOf: (name) => made[name], names: data.areas };
}

const pages = new WeakMap();

window.webgisMaps = {
  frame: (map, id) => pages.set(map, new Page(map, id, sources)),
  layer: (map, name) => pages.get(map).addLayer(name),
  controls: (map) => pages.get(map).controls(),
};
