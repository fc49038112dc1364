// The ground below everything: own areas only, or a basemap that this installation has.

const PALE = { light: "light", dark: "dark" };

// Makes `page.setBase(name)`; what it shows follows the theme.
export function baseLayers(page) {
  const { map, facts } = page;
  map.createPane("base").style.zIndex = 200;
  let shown = null;
  let key = "";

  page.setBase = (name) => {
    const told = (facts.basemaps || []).find((base) => base.name === name);
    const wanted = told ? `${name} ${told.kind === "vector" ? page.view.theme : ""}` : "";
    if (wanted === key) return;
    key = wanted;
    if (shown) shown.remove();
    shown = told ? L.layerGroup(make(told, page.view.theme)).addTo(map) : null;
    map.getContainer().dataset.base = told ? name : "";
    page.attribution.setPrefix(false);
    if (page.baseTold) page.attribution.removeAttribution(page.baseTold);
    page.baseTold = told ? told.attribution : "";
    if (page.baseTold) page.attribution.addAttribution(page.baseTold);
    document.documentElement.classList.toggle("wg-has-base", Boolean(told));
    page.repaintAll();
  };
}

function make(told, theme) {
  const options = { pane: "base", maxNativeZoom: told.last, minNativeZoom: told.first };
  if (told.kind === "vector") {
    return [window.protomapsL.leafletLayer({ url: told.address, flavor: PALE[theme], lang: told.lang, maxDataZoom: told.last, pane: "base" })];
  }
  return told.addresses.map((address) => L.tileLayer(address, options));
}
