// What else lies on the map of the beat: construction zones, which are on the phone, and while there is network the layers
// of the city's maps. Each is switched on and off by its name; a tap tells what lies there.

import { config, english, make } from "./dom.js";
import { token } from "./ground.js";
import * as works from "./works.js";

const MAPS = "/static/maps";
const MOST = 4;

let running = null;

// Lays them on a map once; a later call asks for what is new, or tries again what there was no network for.
export async function lay(map, box) {
  const known = running;
  running ??= begin(map, box).catch(() => {
    running = null;
    return [];
  });
  const layers = await running;
  if (known) for (const { layer } of layers) if (map.hasLayer(layer)) layer.webgis.refresh({ fresh: true });
}

// The zones that are known on the phone, as they are now.
export function zones() {
  const features = works.all().map((zone) => ({ type: "Feature", geometry: zone.geometry, properties: zone }));
  const style = { color: token("--warn"), weight: 2, dashArray: "5 4", fillColor: token("--warn"), fillOpacity: 0.16 };
  return L.geoJSON(features, { style, onEachFeature: (feature, layer) => layer.bindPopup(() => works.words(feature.properties)) });
}

async function begin(map, box) {
  if (!navigator.onLine) throw new Error("no network");
  const [{ makeLayer }, { Tiles }, { paintsOf }] = await Promise.all(["layers", "tiles", "styles"].map((name) => import(`${MAPS}/${name}.js`)));
  await colours();
  const page = pageOf(map, Tiles, paintsOf);
  const layers = config.layers.map((told) => ({ told, layer: makeLayer(page, told) }));
  for (const { told, layer } of layers) if (told.shown) layer.addTo(map);
  box.replaceChildren(...layers.map((one) => chip(map, one)));
  map.on("click", ({ latlng }) => tell(map, layers, latlng));
  return layers;
}

// The colours of the layers are properties of the maps' style sheet.
function colours() {
  return new Promise((resolve, reject) => {
    document.head.prepend(make("link", { rel: "stylesheet", href: config.map_style, onload: resolve, onerror: reject }));
  });
}

// What the layers ask of a page (static/maps/layers.js).
function pageOf(map, Tiles, paintsOf) {
  const held = new Map();
  const container = map.getContainer();
  container.dataset.map = document.documentElement.dataset.look === "dark" ? "dark" : "light";
  return {
    map,
    facts: { today: null },
    view: { query: () => ({}) },
    paints: paintsOf(container),
    tilesOf: (name) => held.get(name) || held.set(name, new Tiles(map, config.tiles, name, config.bounds)).get(name),
    saw: () => {},
  };
}

function chip(map, { told, layer }) {
  const made = make("button", { class: "layer-chip", type: "button", "aria-pressed": String(told.shown) }, make("span", { class: `wg-swatch wg-swatch-${told.legend[0].look}` }), told.word);
  made.addEventListener("click", () => {
    const on = !map.hasLayer(layer);
    if (on) layer.addTo(map);
    else layer.remove();
    made.setAttribute("aria-pressed", String(on));
  });
  return made;
}

function tell(map, layers, latlng) {
  const found = layers.flatMap(({ told, layer }) => (map.hasLayer(layer) ? layer.webgis.parts.flatMap((part) => part.under(latlng).map(({ properties }) => ({ told, properties }))) : []));
  const named = found.filter(({ properties }) => properties.name_zh);
  if (!named.length) return;
  const lines = named.slice(0, MOST).map(({ told, properties }) => make("div", {}, make("b", {}, (english && properties.name_en) || properties.name_zh), make("small", { class: "block" }, told.word)));
  L.popup().setLatLng(latlng).setContent(make("div", {}, ...lines)).openOn(map);
}
