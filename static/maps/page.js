// A whole map with its controls: holds what the page was told, what is shown, and the layers; the other modules ask it.

import { block, counted, element, english, fill, ready } from "./dom.js";
import { filtersContent } from "./filters.js";
import { Heat } from "./heat.js";
import { heatContent } from "./heat_panel.js";
import { makeLayer } from "./layers.js";
import { layersContent } from "./legend.js";
import { notice, say } from "./notice.js";
import { Panel, wide } from "./panel.js";
import { BOXES, caseBox, casesBox, openPopup } from "./popups.js";
import { search } from "./search.js";
import { paintsOf } from "./styles.js";
import { TimeBar } from "./time.js";
import { tools } from "./tools.js";
import { themed, View } from "./view.js";
import { WorksBar } from "./works.js";

const CLOSEST = 18;

// The works that the tiles hold, each once: phase by code.
function worksIn(canvas) {
  const zones = canvas.held().flatMap((tile) => tile.webgis.features).filter((feature) => feature.properties.part === "zone");
  return new Map(zones.map(({ properties: { code, phase } }) => [code, phase]));
}

export class Page {
  // `sources(page)`: where data comes from, as {tilesOf(name), names} (an address, or the names themselves).
  constructor(map, id, sources) {
    this.map = map;
    this.facts = block(id);
    Object.assign(this, sources(this));
    this.view = new View(this.facts);
    this.states = new Map(this.facts.states.map((row) => [row.state, row]));
    this.layers = new Map();
    this.english = english();
    this.lang = this.english ? "en" : "zh-CN";
    this.heat = this.facts.heat ? new Heat(this) : null;
    this.duty = [];
    this.total = null;
    this.frame();
  }

  frame() {
    const { map, facts, view } = this;
    const [west, south, east, north] = facts.bounds;
    this.home = [[south, west], [north, east]];
    this.applyTheme();
    this.place();
    notice(map, facts.words);
    this.attribution = L.control.attribution({ prefix: false, position: "bottomright" }).addAttribution(facts.attribution).addTo(map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    map.getContainer().setAttribute("aria-label", facts.title);
    map.getContainer().setAttribute("role", "application");
    map.on("moveend", () => this.moved());
    view.hear((what) => this.apply(what));
    themed().addEventListener("webgis:theme", ({ detail }) => {
      view.theme = detail;
      view.remember("replaceState");
      this.apply("theme");
    });
  }

  // The place of the address, else the whole city.
  place() {
    const { at } = this.view;
    if (at) this.map.setView([at.lat, at.lon], at.zoom, { animate: false });
    else this.map.fitBounds(this.home, { ...this.room(), maxZoom: 17, animate: false });
    this.map.getContainer().dataset.zoom = this.map.getZoom();
  }

  // The part of the map that the panel leaves free on a desk.
  room() {
    return { paddingTopLeft: [wide() ? 364 : 12, 12], paddingBottomRight: [64, 24] };
  }

  popupRoom() {
    return wide() ? [364, 16] : [12, 124];
  }

  layer(name) {
    return this.layers.get(name);
  }

  addLayer(name) {
    const told = this.facts.layers.find((layer) => layer.name === name);
    const made = makeLayer(this, told);
    this.layers.set(name, made);
    return made;
  }

  // Everything that people operate; then the layers that the address names are drawn.
  controls() {
    const { facts, map } = this;
    const side = element("div", "wg-side");
    const holder = map.getContainer().parentElement;
    holder.append(side);
    if (facts.addresses) search(this, side);
    this.panel = new Panel(this, side);
    if (this.heat) this.panel.add("heat", "flame", facts.words.heat, () => heatContent(this));
    this.panel.add("layers", "stack-2", facts.words.layers, () => layersContent(this));
    if (facts.addresses) this.panel.add("filters", "filter", facts.words.filters, () => filtersContent(this));
    this.printHead = element("div", "wg-print-head");
    holder.append(this.printHead);
    if (this.heat) this.time = new TimeBar(this, holder);
    if (this.facts.works) this.works = new WorksBar(this, holder);
    tools(this);
    map.on("click", (event) => this.clicked(event.latlng));
    window.addEventListener("popstate", () => this.back());
    this.showLayers();
    this.apply("base");
    this.markFilters();
    this.panel.start();
  }

  // What is shown.

  showLayers() {
    for (const [name, layer] of this.layers) {
      if (this.view.layers.has(name) && !this.map.hasLayer(layer)) this.map.addLayer(layer);
      if (!this.view.layers.has(name) && this.map.hasLayer(layer)) this.map.removeLayer(layer);
    }
    if (!this.view.layers.has("cases")) this.counted(null);
    this.closer();
  }

  toggle(name, on) {
    this.view.choose("layers", (view) => (on ? view.layers.add(name) : view.layers.delete(name)));
  }

  filter(values) {
    this.view.choose("filters", (view) => Object.assign(view.filters, values));
  }

  clearFilters() {
    this.filter(Object.fromEntries(Object.keys(this.view.filters).map((name) => [name, ""])));
    this.panel.redraw("filters");
  }

  measure(values) {
    this.view.choose("heat", (view) => Object.assign(view.heat, values));
  }

  // Another window of time: what is seen stays until the new is there.
  slide(values, step, how) {
    Object.assign(this.view.filters, values);
    this.view.heat.step = step;
    this.view.remember(how);
    this.panel.redraw("filters");
    return this.refilter();
  }

  // Another day of the works.
  slideDay(day) {
    this.view.day = day === this.facts.today ? "" : day;
    this.view.remember("replaceState");
    return Promise.all(this.shown().filter((layer) => layer.webgis.told.dated).map((layer) => layer.webgis.refresh({})));
  }

  setTheme(theme) {
    this.view.choose("theme", (view) => { view.theme = theme; });
  }

  go(bounds) {
    this.view.remember("pushState");
    this.map.fitBounds(bounds, { maxZoom: 17, ...this.room() });
  }

  apply(what) {
    if (what === "layers") this.showLayers();
    if (what === "filters") this.refilter();
    if (what === "theme") this.applyTheme();
    if (what === "base" && this.setBase) this.setBase(this.view.base);
    if (what === "heat") {
      this.heat.changed();
      this.panel.redraw("heat");
    }
    if (this.time && what === "filters") this.time.sync();
    if (what !== "filters") this.redrawLegends();
  }

  refilter() {
    this.markFilters();
    return Promise.all(this.shown().filter((layer) => layer.webgis.told.filtered).map((layer) => layer.webgis.refresh({})));
  }

  redrawLegends() {
    this.panel.redraw("layers");
    if (this.heat && this.heat.legendBox) this.heat.legendBox.replaceChildren(...this.heat.legend());
  }

  markFilters() {
    const count = Object.values(this.view.filters).filter(Boolean).length;
    const tab = this.panel.made.get("filters");
    if (tab) tab.tab.querySelector(".wg-tab-mark").textContent = count || "";
  }

  // Cases have changed: what is shown asks again, and nothing old is shown of what is not in view.
  refreshLive() {
    for (const layer of this.layers.values()) if (layer.webgis.told.live) layer.webgis.forget();
    return Promise.all(this.shown().filter((layer) => layer.webgis.told.live).map((layer) => layer.webgis.refresh({ fresh: true })));
  }

  shown() {
    return [...this.layers.values()].filter((layer) => this.map.hasLayer(layer));
  }

  applyTheme() {
    document.documentElement.dataset.map = this.view.theme;
    this.repaintAll();
    if (this.setBase) this.setBase(this.view.base);
  }

  repaintAll() {
    this.paints = paintsOf(this.map.getContainer());
    for (const layer of this.shown()) layer.webgis.repaint();
  }

  moved() {
    const { lat, lng } = this.map.getCenter();
    const zoom = this.map.getZoom();
    const container = this.map.getContainer();
    const zoomed = String(zoom) !== container.dataset.zoom;
    container.dataset.zoom = zoom;
    this.view.at = { lat, lon: lng, zoom };
    if (!this.going) this.view.remember("replaceState");
    this.closer();
    if (zoomed && this.panel) this.panel.redraw("layers");
  }

  // The back and forward buttons.
  back() {
    this.view.read();
    this.going = true;
    this.place();
    this.going = false;
    this.applyTheme();
    this.showLayers();
    if (this.heat) this.heat.changed();
    if (this.time) this.time.sync();
    if (this.works) this.works.sync();
    this.refilter();
    this.slideDay(this.view.day || this.facts.today);
    this.panel.redraw("heat");
    this.redrawLegends();
    this.panel.redraw("filters");
  }

  // What is told.

  closer() {
    const far = this.shown().filter((layer) => layer.webgis.closer()).map((layer) => layer.webgis.told.word);
    say(this.map, "closer", far.length ? fill(this.facts.words.closer, { layers: far.join(this.english ? ", " : "、") }) : false);
  }

  // How many features of a layer there are in view, for scripts that look on.
  saw(name, canvas) {
    if (name === "construction" && this.works) this.works.counted(worksIn(canvas));
    ready(this.map, name, canvas.held().reduce((sum, tile) => sum + tile.webgis.features.length, 0));
  }

  counted(total) {
    this.total = total;
    say(this.map, "empty", total === 0);
    this.showTotal();
  }

  showTotal() {
    if (!this.totalShown) return;
    this.totalShown.hidden = this.total === null;
    this.totalShown.lastChild.textContent = this.total === null ? "" : `${counted(this.total)} ${this.facts.words.cases}`;
  }

  scaled() {
    this.redrawLegends();
  }

  filterWords() {
    const { which, ...others } = this.view.filters;
    const { words, states } = this.facts;
    const named = new Map(states.map((row) => [row.state, row.word]));
    const told = Object.entries(others).filter(([, value]) => value).map(([name, value]) =>
      name === "state" ? value.split(",").map((state) => named.get(state)).join(" ") : `${words[name === "subject" ? "class" : name]} ${value}`);
    return [which === "all" ? words.all : words.open, ...told].join(" · ");
  }

  // What the list of cases is asked with: the map's filters in its words.
  listQuery() {
    const { which, state, subject, department, since, until } = this.view.filters;
    const open = this.facts.states.filter((row) => row.shape !== "small").map((row) => row.state).join(",");
    const asked = { state: state || (which === "all" ? "" : open), subject, department, since, until };
    return Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
  }

  // Clicks.

  openGroup(group) {
    if (this.sketch && !this.sketch.done) this.sketch.tap(group.place);
    else if (group.single) openPopup(this, group.place, caseBox(this, group.cases[0]));
    else if (this.map.getZoom() < CLOSEST) this.map.setView(group.place, Math.min(this.map.getZoom() + 2, CLOSEST));
    else if (group.cases.length) openPopup(this, group.place, casesBox(this, group));
  }

  clicked(latlng) {
    if (this.sketch && !this.sketch.done) return;
    const canvases = this.shown().flatMap((layer) => layer.webgis.parts).filter((part) => part.under && part.held().length && this.map.hasLayer(part));
    for (const canvas of canvases.reverse()) {
      const [feature] = BOXES[canvas.webgisStyle] ? canvas.under(latlng) : [];
      if (feature) {
        openPopup(this, latlng, BOXES[canvas.webgisStyle](this, feature, canvas.zoomed(latlng)));
        return;
      }
    }
  }
}
