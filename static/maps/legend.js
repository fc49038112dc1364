// The panel's tab of layers: which are shown, what their colours and signs mean, the basemap, the other maps.

import { element, fill, icon, sign } from "./dom.js";

export function layersContent(page) {
  const { facts } = page;
  const content = element("div", "wg-layers");
  content.append(totalLine(page));
  for (const [group, word] of Object.entries(facts.groups)) {
    const own = facts.layers.filter((layer) => layer.group === group);
    if (!own.length) continue;
    const set = element("fieldset", "wg-group");
    set.append(element("legend", "", word), ...own.map((layer) => layerRow(page, layer)));
    content.append(set);
  }
  if (facts.basemaps && facts.basemaps.length) content.append(basemapChoice(page));
  if (facts.maps) content.append(mapLinks(page));
  return content;
}

function totalLine(page) {
  const line = element("div", "wg-total");
  line.append(element("span", "", page.facts.words.in_view), element("b", "wg-legend-total", ""));
  page.totalShown = line;
  page.showTotal();
  return line;
}

function layerRow(page, told) {
  const box = element("div", "wg-layer");
  const row = element("label", "wg-legend-row");
  const tick = element("input");
  tick.type = "checkbox";
  tick.name = `layer-${told.name}`;
  tick.checked = page.view.layers.has(told.name);
  tick.addEventListener("change", () => page.toggle(told.name, tick.checked));
  row.append(tick, element("span", "wg-legend-word", told.word));
  const far = tick.checked && page.map.getZoom() < told.first;
  if (far) row.append(element("span", "wg-from", fill(page.facts.words.from_zoom, { zoom: told.first })));
  box.append(row);
  if (tick.checked) box.append(...legendRows(page, told));
  return box;
}

function legendRows(page, told) {
  if (told.name === "cases") return caseLegend(page);
  if (told.name === "heat" && page.heat) return page.heat.legend();
  if (told.scaled) return page.layer(told.name).webgis.scale.rows().map(({ step, words }) => swatch(`heat-${step}`, words));
  return told.legend.map(({ look, word }) => swatch(look, word));
}

function swatch(look, word) {
  const row = element("div", "wg-legend-item");
  row.append(element("span", `wg-swatch wg-swatch-${look}`), element("span", "", word));
  return row;
}

function caseLegend(page) {
  const { states, lights, words } = page.facts;
  const rows = states
    .filter((row) => page.view.filters.which === "all" || row.shape !== "small" || page.view.filters.state)
    .map((state) => {
      const row = element("div", "wg-legend-item");
      row.append(sign(state), element("span", "", state.word));
      return row;
    });
  const several = element("div", "wg-legend-item");
  const ring = element("span", "wg-ring");
  several.append(ring, element("span", "", `${words.many_cases} (${words.open_part} / ${words.ended_part})`));
  const late = ["red", "amber"].map((light) => {
    const row = element("div", "wg-legend-item");
    row.append(element("span", `wg-late wg-late-${light}`, "!"), element("span", "", lights[light]));
    return row;
  });
  return [...rows, several, ...late];
}

function basemapChoice(page) {
  const { basemaps, words } = page.facts;
  const set = element("fieldset", "wg-group");
  set.append(element("legend", "", words.basemap));
  for (const base of [{ name: "", word: words.no_basemap }, ...basemaps]) {
    const row = element("label", "wg-legend-row");
    const tick = element("input");
    tick.type = "radio";
    tick.name = "base";
    tick.value = base.name;
    tick.checked = page.view.base === base.name;
    tick.addEventListener("change", () => page.view.choose("base", (view) => { view.base = base.name; }));
    row.append(tick, element("span", "wg-legend-word", base.word));
    set.append(row);
  }
  return set;
}

function mapLinks(page) {
  const nav = element("nav", "wg-maps");
  nav.setAttribute("aria-label", page.facts.words.maps);
  for (const one of page.facts.maps) {
    const link = element("a", "wg-map-link");
    link.href = one.href;
    if (one.name === page.facts.name) link.setAttribute("aria-current", "page");
    link.append(icon(one.icon), element("span", "", one.word));
    nav.append(link);
  }
  return nav;
}
