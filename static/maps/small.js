// The ground of small maps, on which one place is chosen or shown: areas and cells as GeoJSON of the view.

import { box, address, asker } from "./ask.js";
import { element, nameOf, ready } from "./dom.js";
import { paintsOf } from "./styles.js";

const LEVELS = ["county", "subdistrict", "community"];

const DETAILS = [
  { detail: "far", from: 0, step: 1, levels: ["county"], names: "county" },
  { detail: "middle", from: 12, step: 0.2, levels: ["county", "subdistrict"], names: "subdistrict" },
  { detail: "near", from: 14.5, step: 0.05, levels: ["county", "subdistrict", "community"], names: "community" },
];

// In the colours of the theme (maps.css).
function stylesOf(container) {
  const { county, subdistrict, community, land } = paintsOf(container);
  return {
    county: { color: county, weight: 2, fill: true, fillColor: land, fillOpacity: 1 },
    subdistrict: { color: subdistrict, weight: 1.25, fill: false },
    community: { color: community, weight: 1, fill: false, dashArray: "4 3" },
  };
}

// All levels of one detail are simplified alike, so that shared lines lie on one another.
export function areaLayer(map, options) {
  const group = L.layerGroup();
  const labels = map.createPane("labels");
  labels.style.zIndex = 450;
  labels.style.pointerEvents = "none";
  const renderers = {};
  let styles = stylesOf(map.getContainer());
  LEVELS.forEach((level, place) => {
    map.createPane(level).style.zIndex = 350 + place;
    renderers[level] = L.canvas({ pane: level, padding: 0.3 });
  });
  const drawn = new Map(DETAILS.map(({ detail }) => [detail, { shapes: L.layerGroup(), known: new Set() }]));

  function add(target, feature, named) {
    const facts = feature.properties;
    if (target.known.has(facts.code)) return;
    target.known.add(facts.code);
    const look = { pane: facts.level, renderer: renderers[facts.level], interactive: false, style: styles[facts.level] };
    L.geoJSON(feature, look).addTo(target.shapes);
    if (facts.level !== named) return;
    const [lon, lat] = facts.label;
    const name = element("span", `wg-name wg-name-${facts.level}`, nameOf(facts));
    const icon_ = L.divIcon({ html: name, className: "wg-label", iconSize: [0, 0] });
    L.marker([lat, lon], { icon: icon_, pane: "labels", interactive: false, keyboard: false }).addTo(target.shapes);
  }

  const askers = Object.fromEntries(LEVELS.map((level) => [level, asker(map)]));

  async function load({ detail, step, names }, level) {
    const data = await askers[level](address(options.address, { level, detail, bbox: box(map, step) }));
    for (const feature of data ? data.features : []) add(drawn.get(detail), feature, names);
  }

  // What was drawn last stays until the new detail is there: nothing blinks.
  async function update() {
    if (!map.hasLayer(group)) return;
    const wanted = DETAILS.findLast(({ from }) => map.getZoom() >= from);
    await Promise.all(wanted.levels.map((level) => load(wanted, level)));
    if (DETAILS.findLast(({ from }) => map.getZoom() >= from) !== wanted) return;
    for (const [detail, { shapes }] of drawn) {
      if (detail === wanted.detail) group.addLayer(shapes);
      else group.removeLayer(shapes);
    }
    ready(map, "areas");
  }

  document.documentElement.addEventListener("webgis:theme", () => {
    styles = stylesOf(map.getContainer());
    for (const { shapes } of drawn.values()) {
      shapes.eachLayer((shape) => shape.eachLayer && shape.setStyle((feature) => styles[feature.properties.level]));
    }
  });
  group.on("add", update);
  map.on("moveend", update);
  return group;
}

// Cells: only the view's, only when they are large enough to be seen.

export function cellLayer(map, options) {
  const pane = map.createPane("cells");
  pane.style.zIndex = 360;
  const cells = L.geoJSON(null, {
    pane: "cells",
    renderer: L.canvas({ pane: "cells", padding: 0.2 }),
    interactive: false,
    style: { color: "#2563eb", weight: 0.75, opacity: 0.45, fillColor: "#2563eb", fillOpacity: 0.02 },
  });
  const ask = asker(map);
  let last = "";

  async function update() {
    if (!map.hasLayer(cells)) return;
    const close = map.getZoom() >= options.min_zoom;
    if (!close) {
      last = "";
      cells.clearLayers();
      return;
    }
    const url = address(options.address, { bbox: box(map, 0.01) });
    if (url === last) return;
    const data = await ask(url);
    if (!data) return;
    last = url;
    cells.clearLayers();
    cells.addData(data);
    ready(map, "cells", data.features.length);
  }

  cells.on("add", update);
  map.on("moveend", update);
  return cells;
}

