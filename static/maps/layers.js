// The layers of the table in webgis/maps/layers.py: each is one or several sources, each drawn at its zooms.

import { rings } from "./alarms.js";
import { CanvasTiles } from "./canvas.js";
import { conflicts } from "./conflicts.js";
import { Discs } from "./discs.js";
import { Names } from "./names.js";
import { Scale, STYLES } from "./styles.js";

const LAST_TILES = 18;

// A layer group of the page that can be refreshed (data changed) and repainted (theme or scale changed).
export function makeLayer(page, told) {
  if (told.name === "heat" && page.heat) return page.heat.layer(told);
  const group = L.layerGroup();
  const scale = new Scale(page.facts.least);
  const parts = told.sources.map((source) => makePart(page, told, source, scale));
  if (told.name === "construction" && page.facts.addresses && page.facts.addresses.traffic) parts.push(conflicts(page, paneOf(page.map, told.order - 1)));
  if (told.name === "areas") parts.push(new Names(page.names));
  group.webgis = {
    told,
    scale,
    parts,
    refresh: (options) => Promise.all(parts.map((part) => (part.refresh ? part.refresh(options) : null))),
    repaint: () => parts.forEach((part) => part.repaint && part.repaint()),
    forget: () => parts.forEach((part) => part.options.tiles && part.options.tiles.kept.clear()),
    closer: () => page.map.getZoom() < told.first,
  };
  group.on("add", () => parts.forEach((part) => group.addLayer(part)));
  group.on("remove", () => group.clearLayers());
  return group;
}

function makePart(page, told, source, scale) {
  const tiles = page.tilesOf(source.tiles);
  const query = () => ({ ...source.params, ...(told.filtered ? page.view.query() : {}), ...(told.scaled ? measured(page) : {}), ...(told.dated ? { day: page.view.day || page.facts.today } : {}) });
  if (source.style === "discs") return discs(page, told, tiles, query);
  const style = STYLES[source.style];
  const made = canvasPart(page, told, source, {
    query,
    style: (feature, coords) => style(feature, coords, page.paints, scale, page),
    loaded: () => {
      page.saw(told.name, made);
      if (source.style === "alarms") rings(page.map, made);
      if (told.scaled) rescale(page, made, scale);
    },
  });
  return made;
}

// Tiles of a source, drawn as `query`, `style` and `loaded` say.
export function canvasPart(page, told, source, drawn) {
  const made = new CanvasTiles({
    ...drawn,
    pane: paneOf(page.map, source.order || told.order),
    tiles: page.tilesOf(source.tiles),
    minZoom: source.first,
    maxZoom: source.last,
    maxNativeZoom: Math.min(source.last, LAST_TILES),
    updateWhenIdle: false,
    keepBuffer: 1,
    wider: source.wider || 0,
    beyond: source.beyond || false,
  });
  made.webgisStyle = source.style;
  return made;
}

// Counts must be asked for by a measure.
function measured(page) {
  return { measure: page.view.query().measure || "reported" };
}

function discs(page, told, tiles, query) {
  const made = new Discs({ tiles, query, states: page.facts.states, words: page.facts.words, open: (what) => page.openGroup(what) });
  made.on("counted", () => page.counted(made.total));
  return made;
}

function paneOf(map, order) {
  const name = `webgis-${order}`;
  if (!map.getPane(name)) map.createPane(name).style.zIndex = order;
  return name;
}

// The colours follow what is in view; once for all tiles that come together.
function rescale(page, canvas, scale) {
  window.cancelAnimationFrame(canvas.webgisFrame);
  canvas.webgisFrame = window.requestAnimationFrame(() => {
    const values = canvas.held().flatMap((tile) => tile.webgis.features.map((feature) => Number(feature.properties.count) || 0));
    if (scale.measure(values)) canvas.repaint();
    page.scaled(scale);
  });
}
