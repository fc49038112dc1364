// The ground below everything: own areas only, or a basemap that this installation has.

import { element } from "./dom.js";

const SCRIPTS = {
  vector: "/static/vendor/protomaps-leaflet/dist/protomaps-leaflet.js",
  pmtiles: "/static/vendor/pmtiles/dist/pmtiles.js",
};
const loaded = new Map();

// A script that few maps need, once.
function need(address) {
  if (!loaded.has(address)) {
    loaded.set(address, new Promise((resolve, reject) => {
      const script = element("script");
      Object.assign(script, { src: address, onload: resolve, onerror: reject });
      document.head.append(script);
    }));
  }
  return loaded.get(address);
}

// Makes `page.setBase(name)`; what it shows follows the theme.
export function baseLayers(page) {
  const { map, facts } = page;
  map.createPane("base").style.zIndex = 200;
  let shown = null;
  let key = "";

  page.setBase = async (name) => {
    const told = facts.basemaps.find((base) => base.name === name);
    const wanted = told ? `${name} ${told.kind === "vector" ? page.view.theme : ""}` : "";
    if (wanted === key) return;
    key = wanted;
    const layers = told ? await made(told, page.view.theme) : [];
    if (wanted !== key) return;
    if (shown) shown.remove();
    shown = L.layerGroup(layers).addTo(map);
    attribute(page, told);
    document.documentElement.classList.toggle("wg-has-base", Boolean(told));
    page.repaintAll();
    map.getContainer().dataset.base = told ? name : "";
  };
}

function attribute(page, told) {
  if (page.baseTold) page.attribution.removeAttribution(page.baseTold);
  page.baseTold = told ? element("span", "", told.attribution).innerHTML : "";
  if (page.baseTold) page.attribution.addAttribution(page.baseTold);
}

async function made(told, theme) {
  const common = { pane: "base", attribution: "" };
  if (told.kind === "vector") {
    await need(SCRIPTS.vector);
    const url = told.form === "pmtiles" ? told.addresses[0] : `${told.addresses[0]}?vector=1`;
    return [window.protomapsL.leafletLayer({ ...common, url, flavor: theme, lang: told.lang, maxDataZoom: told.last })];
  }
  const zooms = { minNativeZoom: told.first, maxNativeZoom: told.last, maxZoom: 20 };
  if (told.form === "pmtiles") {
    await need(SCRIPTS.pmtiles);
    return [window.pmtiles.leafletRasterLayer(new window.pmtiles.PMTiles(told.addresses[0]), { ...common, ...zooms })];
  }
  return told.addresses.map((address) => L.tileLayer(address, { ...common, ...zooms }));
}
