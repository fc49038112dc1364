// The desk's map, from the layers and modules of static/maps: open cases, cells, the chosen case with its cell, and what
// may be the same ringed. It asks for nothing again unless something in its view has changed.

import { json } from "../../maps/ask.js";
import { baseLayers } from "../../maps/bases.js";
import { button, element, english, icon, ready } from "../../maps/dom.js";
import { makeLayer } from "../../maps/layers.js";
import { notice, say } from "../../maps/notice.js";
import { pinIcon } from "../../maps/pin.js";
import { areaOf, Sketch, squareMetres } from "../../maps/sketch.js";
import { paintsOf } from "../../maps/styles.js";
import { Tiles } from "../../maps/tiles.js";

const CLOSE = 17;
const FAR = 15;
const NEAR_WAIT_MS = 500;
const FAR_WAIT_MS = 5000;
// Further out tiles hold the whole city, and are asked for seldom.
const CITY = 13;

export class DeskMap {
  constructor(box, { map: facts, bounds, said, states }) {
    this.facts = { ...facts, bounds, said, states };
    this.english = english();
    this.view = { query: () => ({ measure: "open" }), theme: theme(), base: "" };
    this.duty = [];
    this.names = facts.addresses.names;
    this.layers = new Map();
    this.held = new Map();
    this.map = L.map(box, { zoomControl: false, attributionControl: false, maxZoom: 20, minZoom: 4 });
    const [west, south, east, north] = bounds;
    this.home = [[south, west], [north, east]];
    this.map.fitBounds(this.home, { animate: false });
    this.paints = paintsOf(box);
    this.frame(box);
    for (const told of facts.layers) this.layers.set(told.name, makeLayer(this, told));
    for (const told of facts.layers) if (told.shown) this.map.addLayer(this.layers.get(told.name));
    baseLayers(this);
    this.controls();
    this.chosen = L.layerGroup().addTo(this.map);
    this.around = L.layerGroup().addTo(this.map);
  }

  frame(box) {
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", this.facts.said.map);
    for (const [name, order] of [["desk-cell", 370], ["desk-rings", 640], ["desk-pin", 660]]) this.map.createPane(name).style.zIndex = order;
    notice(this.map, this.facts.words);
    this.attribution = L.control.attribution({ prefix: false, position: "bottomright" }).addAttribution(this.facts.attribution).addTo(this.map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(this.map);
    document.documentElement.addEventListener("webgis:theme", () => {
      this.view.theme = theme();
      this.repaintAll();
      this.setBase(this.view.base);
    });
    new ResizeObserver(() => this.map.invalidateSize({ debounceMoveend: true })).observe(box);
  }

  // ---- what the layers ask of a page (static/maps/layers.js)

  tilesOf(name) {
    if (!this.held.has(name)) this.held.set(name, new Tiles(this.map, this.facts.addresses.tiles, name, this.facts.bounds));
    return this.held.get(name);
  }

  saw(name, canvas) {
    ready(this.map, name, canvas.held().length);
  }

  scaled() {}

  counted(total) {
    this.total = total;
  }

  layer(name) {
    return this.layers.get(name);
  }

  repaintAll() {
    this.paints = paintsOf(this.map.getContainer());
    for (const layer of this.layers.values()) if (this.map.hasLayer(layer)) layer.webgis.repaint();
  }

  openGroup(group) {
    if (this.drawing && !this.drawing.done) {
      this.drawing.tap(group.place);
      return;
    }
    if (group.single || group.cases.length === 1) this.hearer.choose(group.cases[0].number);
    else this.map.setView(group.place, Math.min(this.map.getZoom() + 2, 19));
  }

  // ---- controls

  controls() {
    const bar = L.control({ position: "topright" });
    const { words } = this.facts;
    bar.onAdd = () => {
      const box = element("div", "wg-bar leaflet-bar");
      box.append(
        button("wg-tool", "plus", words.zoom_in, () => this.map.zoomIn()),
        button("wg-tool", "minus", words.zoom_out, () => this.map.zoomOut()),
        this.layersButton(),
        button("wg-tool", "maximize", words.full_screen, () => this.fullScreen()),
      );
      L.DomEvent.disableClickPropagation(box);
      return box;
    };
    bar.addTo(this.map);
  }

  layersButton() {
    const opener = button("wg-tool", "stack-2", this.facts.words.layers, () => this.toggleList());
    this.opener = opener;
    opener.setAttribute("aria-expanded", "false");
    this.list = element("div", "desk-layers");
    this.list.hidden = true;
    this.list.append(...this.facts.layers.map((told) => this.layerRow(told)));
    if (this.facts.basemaps.length) this.list.append(...[{ name: "", word: this.facts.words.no_basemap }, ...this.facts.basemaps].map((base) => this.baseRow(base)));
    L.DomEvent.disableClickPropagation(this.list);
    L.DomEvent.disableScrollPropagation(this.list);
    this.map.getContainer().append(this.list);
    return opener;
  }

  toggleList() {
    this.list.hidden = !this.list.hidden;
    this.opener.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  layerRow(told) {
    const row = element("label", "wg-legend-row");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: told.shown, name: `desk-layer-${told.name}` });
    const layer = () => this.layers.get(told.name);
    box.addEventListener("change", () => (box.checked ? this.map.addLayer(layer()) : this.map.removeLayer(layer())));
    row.append(box, element("span", "", told.word));
    return row;
  }

  baseRow(base) {
    const row = element("label", "wg-legend-row");
    const box = Object.assign(document.createElement("input"), { type: "radio", name: "desk-base", checked: base.name === this.view.base });
    box.addEventListener("change", () => {
      this.view.base = base.name;
      this.setBase(base.name);
    });
    row.append(box, element("span", "", base.word || base.title || base.name));
    return row;
  }

  fullScreen() {
    const box = this.map.getContainer().parentElement;
    if (document.fullscreenElement) document.exitFullscreen();
    else box.requestFullscreen();
  }

  // ---- the chosen case

  listen(hearer) {
    this.hearer = hearer;
  }

  showCase(data, alike) {
    this.chosen.clearLayers();
    this.around.clearLayers();
    if (this.found) this.found.remove();
    if (!data) return;
    const place = [Number(data.lat), Number(data.lon)];
    L.marker(place, { icon: pinIcon(data.colour), pane: "desk-pin", interactive: false, keyboard: false }).addTo(this.chosen);
    for (const one of alike) this.ring(one);
    this.map.setView(place, this.map.getZoom() < FAR ? CLOSE : this.map.getZoom(), { animate: false });
    this.showCell(data.cell, data.panel);
    this.map.getContainer().dataset.chosen = data.panel;
  }

  async showCell(code, number) {
    if (!code) return;
    const told = await json(this.map, this.facts.addresses.cell + code);
    if (!told || this.map.getContainer().dataset.chosen !== number) return;
    const look = { pane: "desk-cell", interactive: false, className: "desk-cell" };
    L.geoJSON(told, look).addTo(this.chosen);
    ready(this.map, "cell", code);
  }

  // What may be the same is ringed; its ring tells what it is and offers to merge.
  ring(one) {
    const { said } = this.facts;
    const mark = L.divIcon({ html: element("span", "desk-ring"), className: "desk-ring-box", iconSize: [44, 44] });
    const marker = L.marker([one.lat, one.lon], { icon: mark, pane: "desk-rings", alt: `${said.ring} ${one.number}`, title: `${said.ring} ${one.number}`, riseOnHover: true });
    const box = element("div", "wg-popup");
    const act = (name, word, run) => {
      const made = element("button", "btn btn-small", word);
      made.type = "button";
      made.prepend(icon(name));
      made.addEventListener("click", () => {
        this.map.closePopup();
        run();
      });
      return made;
    };
    box.append(
      element("div", "wg-popup-kind", `${said.ring} · ${one.percent} %`),
      element("div", "wg-popup-title", one.class_name),
      element("div", "wg-popup-text", one.description),
      element("div", "wg-popup-line", `${one.number} · ${one.metres} m`),
      act("arrow-right", said.choose, () => this.hearer.choose(one.number)),
      act("copy", said.merge, () => this.hearer.merge(one.number)),
    );
    marker.bindPopup(box, { minWidth: 220 }).addTo(this.around);
  }

  goTo([west, south, east, north]) {
    if (this.found) this.found.remove();
    this.map.fitBounds([[south, west], [north, east]], { maxZoom: CLOSE, animate: false });
    this.found = L.marker([(south + north) / 2, (west + east) / 2], { icon: pinIcon(), interactive: false, keyboard: false }).addTo(this.map);
  }

  // ---- the ground of an incident

  // Draws a polygon; `done(shape, words)` gets it as GeoJSON, and how large it is.
  sketch(done) {
    this.endSketch();
    say(this.map, "tool", this.facts.words.polygon_hint);
    this.drawing = new Sketch(this.map, "polygon", (ring, ended) => {
      if (!ended) return;
      say(this.map, "tool", false);
      const corners = [...ring, ring[0]].map(({ lat, lng }) => [Number(lng.toFixed(6)), Number(lat.toFixed(6))]);
      done(JSON.stringify({ type: "Polygon", coordinates: [corners] }), squareMetres(areaOf(ring)));
    });
  }

  endSketch() {
    if (this.drawing) this.drawing.stop();
    this.drawing = null;
    say(this.map, "tool", false);
  }

  // ---- life: a case has changed somewhere

  changed(change) {
    if (!this.map.hasLayer(this.layers.get("cases"))) return;
    if (change.lat !== undefined && !this.map.getBounds().pad(0.1).contains([change.lat, change.lon])) return;
    if (this.waiting) return;
    this.waiting = window.setTimeout(() => {
      this.waiting = 0;
      const { webgis } = this.layers.get("cases");
      webgis.forget();
      webgis.refresh({ fresh: true });
    }, this.map.getZoom() < CITY ? FAR_WAIT_MS : NEAR_WAIT_MS);
  }

  // Something happened to an alarm: the layers that show them ask again.
  alarmed() {
    if (this.sounding) return;
    this.sounding = window.setTimeout(() => {
      this.sounding = 0;
      for (const name of ["alarms", "waterlogging", "hazards", "sensors"]) {
        const layer = this.layers.get(name);
        if (!this.map.hasLayer(layer)) continue;
        layer.webgis.forget();
        layer.webgis.refresh({ fresh: true });
      }
    }, NEAR_WAIT_MS);
  }

  offline(on) {
    say(this.map, "offline", on);
  }
}

function theme() {
  return document.documentElement.dataset.bsTheme || "light";
}
