// The heat map: what is measured (cases, by ground, people or hours of patrol), of which places, in which span, and
// compared with which other. Counts come with the tiles; hours of patrol and comparisons from /api/v1/heat, by code.

import { address, asker } from "./ask.js";
import { counted, element, english, fill, nameOf } from "./dom.js";
import { canvasPart } from "./layers.js";
import { binArea, binSquare, Scale } from "./styles.js";
import { earlier, later } from "./windows.js";

const KM2 = 1e6;
const PEOPLE = 1e4;
const MOST_ROWS = 5000;
const MONTH = 29;

// What a comparison calls a place, and measures and levels: by the names of their words.
const CHANCE = { "more-2": "more_2", "more-1": "more_1", same: "same", "less-1": "less_1", "less-2": "less_2", unknown: "no_figure" };
const OF = { "": "of_place", cell: "of_cell", community: "of_community", subdistrict: "of_subdistrict", county: "of_county" };
export const UNITS = {
  count: "unit_count",
  per_km2: "unit_per_km2",
  per_10000_people: "unit_per_10000_people",
  per_patrol_hour: "unit_per_patrol_hour",
};

const figures = new Intl.NumberFormat(english() ? "en" : "zh-CN", { maximumSignificantDigits: 3 });

// What a count is divided by; NaN when it is not known.
const PER = {
  count: () => 1,
  per_km2: (facts, feature, coords) => (facts.area_m2 === undefined ? binArea(feature, coords) : facts.area_m2) / KM2,
  per_10000_people: (facts) => (facts.population ? facts.population / PEOPLE : NaN),
};

export class Heat {
  constructor(page) {
    this.page = page;
    this.scale = new Scale();
    this.rows = new Map();
    this.ask = asker(page.map);
  }

  // What the address asks for, with what follows from it.
  get how() {
    const { heat } = this.page.view;
    const by = heat.by in UNITS ? heat.by : "count";
    const other = this.other(heat);
    const api = Boolean(other) || by === "per_patrol_hour";
    const wanted = by === "per_10000_people" && heat.level === "cell" ? "" : heat.level;
    const level = wanted || (api || by === "per_10000_people" ? "community" : "");
    return { by, level, other, api, span: this.span(Boolean(other)) };
  }

  // A comparison needs a span: the last 30 days when none is chosen.
  span(needed) {
    const { since, until } = this.page.view.filters;
    const { today } = this.page.facts;
    return needed ? { since: since || later(until || today, -MONTH), until: until || today } : { since, until };
  }

  other({ than, than_since: since, than_until: until }) {
    if (than === "before" || than === "year") return earlier(than, this.span(true));
    return than === "other" && since && until ? { since, until } : null;
  }

  // The layer.

  layer(told) {
    const { page } = this;
    const make = (tiles, first, last, style = "measured") => {
      const drawn = { query: () => this.query(tiles), style: (feature, coords) => this.look(feature, coords), loaded: () => this.loaded() };
      return canvasPart(page, told, { tiles, first, last, style }, drawn);
    };
    this.parts = { bins: make("cases", 0, 12), cells: make("cells", 13, 24), areas: make("areas", 0, 24) };
    const group = L.layerGroup();
    this.group = group;
    const shown = () => this.shown();
    group.webgis = {
      told,
      legend: () => this.legend(),
      get parts() { return shown(); },
      refresh: (options) => this.refresh(options),
      repaint: () => this.repaint(),
      forget: () => Object.values(this.parts).forEach((part) => part.options.tiles.kept.clear()),
      closer: () => this.how.level === "cell" && page.map.getZoom() < 13,
    };
    group.on("add", () => this.changed());
    group.on("remove", () => group.clearLayers());
    return group;
  }

  shown() {
    const { level } = this.how;
    return level === "cell" ? [this.parts.cells] : level ? [this.parts.areas] : [this.parts.bins, this.parts.cells];
  }

  query(tiles) {
    const { level, api } = this.how;
    const ground = tiles === "areas" ? { level } : {};
    const asked = this.page.view.query();
    return api ? ground : { ...ground, ...asked, measure: asked.measure || "reported" };
  }

  // Another measure, level or comparison: other parts, other values.
  changed() {
    const wanted = new Set(this.shown());
    for (const part of Object.values(this.parts)) {
      if (wanted.has(part) && !this.group.hasLayer(part)) this.group.addLayer(part);
      if (!wanted.has(part) && this.group.hasLayer(part)) this.group.removeLayer(part);
    }
    return this.refresh({});
  }

  async refresh(options) {
    if (this.how.api) await this.load();
    else this.told = null;
    await Promise.all(this.shown().map((part) => part.refresh(options)));
    this.loaded();
  }

  async load() {
    const { by, level, span, other } = this.how;
    const { kind, class: code } = this.page.view.query();
    const asked = { level, measure: by, ...span, kind, class: code, limit: MOST_ROWS };
    if (other) Object.assign(asked, { than_since: other.since, than_until: other.until });
    const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
    const told = await this.ask(address(this.page.facts.heat.address, given));
    if (!told) return;
    this.told = told;
    this.rows = new Map(told.rows.map((row) => [row.code, row]));
    this.page.map.getContainer().dataset.measured = told.rows.length;
  }

  repaint() {
    for (const part of this.shown()) part.repaint();
  }

  // Steps of what is in view; while the window of time moves they stay, so that colours can be compared.
  loaded() {
    window.cancelAnimationFrame(this.frame);
    this.frame = window.requestAnimationFrame(() => {
      const { by, level, other } = this.how;
      const { step } = this.page.view.heat;
      const { since, until, ...others } = this.page.view.filters;
      const key = JSON.stringify([by, level, this.page.map.getZoom(), others]);
      const values = other ? [] : this.values();
      this.some = values.length > 0;
      if (values.length && !(step && key === this.measured)) {
        this.scale.measure(values, by === "count");
        this.measured = key;
      }
      this.repaint();
      this.page.saw("heat", this.shown().at(-1));
      this.page.scaled();
    });
  }

  values() {
    if (this.how.api) return [...this.rows.values()].map((row) => row.value).filter((value) => value > 0);
    return this.shown().flatMap((part) => part.held().flatMap((tile) => tile.webgis.features.map((feature) => this.value(feature, tile.webgis.coords)))).filter((value) => value > 0);
  }

  // The figure of a place: NaN when it is not known.
  value(feature, coords) {
    const { by, api } = this.how;
    const { properties } = feature;
    if (!api) return properties.count === undefined ? 0 : Number(properties.count) / PER[by](properties, feature, coords);
    const row = this.rows.get(properties.code);
    return row ? (row.value === null ? NaN : row.value) : 0;
  }

  look(feature, coords) {
    const { paints } = this.page;
    const { other, level } = this.how;
    const edge = { line: paints.edge, width: level && level !== "cell" ? 1 : 0.5, opacity: 0.75 };
    if (other) {
      const called = this.called(feature);
      return called ? { fill: paints[called], ...edge } : null;
    }
    const value = this.value(feature, coords);
    if (Number.isNaN(value)) return { fill: paints.unknown, ...edge };
    const step = this.scale.step(value);
    if (!step) return null;
    const square = feature.type === 1 ? { square: binSquare(feature, coords), line: undefined, opacity: 0.85 } : {};
    return { fill: paints[`heat-${step}`], ...edge, ...square };
  }

  // What a comparison calls a place.
  called({ properties }) {
    const row = this.rows.get(properties.code);
    if (!row || (!row.count && !row.than_count)) return "";
    if (row.more_than_chance === null) return "unknown";
    if (!row.more_than_chance) return "same";
    if (row.difference > 0) return row.ratio === null || row.ratio >= 2 ? "more-2" : "more-1";
    return row.ratio <= 0.5 ? "less-2" : "less-1";
  }

  // Words.

  unit() {
    return this.page.facts.words[UNITS[this.how.by]];
  }

  legend() {
    const { words } = this.page.facts;
    const { level, other, api, span } = this.how;
    const box = element("div", "wg-heat-legend");
    box.append(element("p", "wg-legend-head", `${this.unit()} · ${words[OF[level]]}`));
    if (other) {
      box.append(element("p", "wg-hint", fill(words.compared, { since: span.since, until: span.until, than_since: other.since, than_until: other.until })));
      box.append(...Object.entries(CHANCE).slice(0, -1).map(([look, word]) => item(look, words[word])));
      if (this.told) box.append(this.together());
    } else if (this.some) {
      box.append(...this.scale.rows(words).map(({ step, words: text }) => item(`heat-${step}`, text)));
    }
    if (this.how.by === "per_10000_people" || this.how.by === "per_patrol_hour") box.append(item("unknown", words.no_figure));
    const { which, state, department } = this.page.view.filters;
    if (api && (which !== "all" || state || department)) box.append(element("p", "wg-hint", words.counts_all));
    if (this.page.view.heat.step && !other) box.append(element("p", "wg-hint", words.steps_kept));
    for (const note of (this.told && this.told.notes) || []) box.append(element("p", "wg-hint", this.page.english ? note.en : note.zh));
    return [box];
  }

  together() {
    const { words } = this.page.facts;
    const { total } = this.told;
    const sure = total.more_than_chance === null ? "" : total.more_than_chance ? words.sure : words.same;
    const line = element("p", "wg-hint");
    line.append(element("b", "", `${words.together}: ${counted(total.count)}`), ` ← ${counted(total.than_count)}${sure ? ` · ${sure}` : ""}`);
    return line;
  }

  box(feature, coords) {
    const { words, addresses } = this.page.facts;
    const { properties: facts } = feature;
    const { by, other } = this.how;
    const row = this.rows.get(facts.code);
    const told = element("div", "wg-popup");
    const line = (word, value) => {
      const made = element("div", "wg-popup-line");
      made.append(element("span", "wg-popup-word", word), element("span", "", value));
      told.append(made);
    };
    if (facts.level) told.append(element("div", "wg-popup-kind", words[facts.level]));
    if (facts.code) told.append(element("div", "wg-popup-title", facts.level === "cell" ? facts.code : nameOf(facts)));
    if (other && row) {
      line(words.a_day, `${figure(row.value)} ← ${figure(row.than_value)}`);
      line(words.of_count, `${counted(row.count)} ← ${counted(row.than_count)}`);
      if (row.p !== null) line(words[CHANCE[this.called(feature)]], `p = ${figure(row.p)}`);
    } else {
      const count = row && this.how.api ? row.count : facts.count;
      if (count !== undefined) line(words.of_count, counted(Number(count)));
      const value = this.value(feature, coords);
      if (by !== "count") line(this.unit(), Number.isNaN(value) ? words.no_figure : figure(value));
    }
    if (facts.code) {
      const link = element("a", "wg-popup-number", words.to_list);
      link.href = address(addresses.list, { area: facts.code, ...this.page.listQuery() });
      told.append(link);
    }
    return told;
  }
}

function figure(value) {
  return value === null || Number.isNaN(value) ? "–" : figures.format(value);
}

function item(look, words) {
  const row = element("div", "wg-legend-item");
  row.append(element("span", `wg-swatch wg-swatch-${look}`), element("span", "", words));
  return row;
}
