// The panel at the side of a desk's map and at the foot of a phone's: layers with their legend, filters, results.

import { address, json } from "./ask.js";
import { button, counted, element, fill, icon, sign } from "./dom.js";

// Whether the panel stands at the side.
export function wide() {
  return window.matchMedia("(min-width: 768px)").matches;
}

export class Panel {
  constructor(page, side) {
    this.page = page;
    this.tabs = element("div", "wg-tabs");
    this.box = element("section", "wg-panel");
    this.box.hidden = true;
    this.head = element("div", "wg-panel-head");
    this.title = element("h2", "wg-panel-title");
    this.head.append(this.title, button("wg-quiet-button", "x", page.facts.words.close, () => this.close()));
    this.body = element("div", "wg-panel-body");
    this.box.append(this.head, this.body);
    this.made = new Map();
    side.append(this.tabs, this.box);
  }

  // A tab and what makes its content each time it is opened.
  add(name, iconName, word, make) {
    const tab = element("button", "wg-tab");
    tab.type = "button";
    tab.dataset.tab = name;
    tab.setAttribute("aria-expanded", "false");
    tab.append(icon(iconName), element("span", "", word), element("span", "wg-tab-mark"));
    tab.addEventListener("click", () => (this.open_ === name ? this.close() : this.open(name)));
    this.tabs.append(tab);
    this.made.set(name, { tab, word, make });
  }

  open(name) {
    const { word, make } = this.made.get(name);
    this.show(name, word, make());
  }

  show(name, title, content, closed = null) {
    if (this.closed) this.closed();
    this.closed = null;
    this.open_ = name;
    this.title.textContent = title;
    this.body.replaceChildren(content);
    this.box.hidden = false;
    this.box.setAttribute("aria-label", title);
    this.closed = closed;
    this.mark();
  }

  close() {
    if (!this.open_) return;
    const { closed } = this;
    this.open_ = "";
    this.closed = null;
    this.box.hidden = true;
    this.mark();
    if (closed) closed();
  }

  redraw(name) {
    if (this.open_ !== name) return;
    const { name: field, value } = this.body.contains(document.activeElement) ? document.activeElement : {};
    this.body.replaceChildren(this.made.get(name).make());
    const again = field && this.body.querySelector(`[name="${field}"][value="${value}"], [name="${field}"]:not([type=radio])`);
    if (again) again.focus({ preventScroll: true });
  }

  mark() {
    for (const [name, { tab }] of this.made) tab.setAttribute("aria-expanded", String(name === this.open_));
    this.box.parentElement.dataset.open = this.open_ || "";
  }

  start() {
    if (wide()) this.open(this.page.heat ? "heat" : "layers");
  }
}

// ---- layers and legend

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

// ---- filters

export function filtersContent(page) {
  const { words, states, addresses } = page.facts;
  const form = element("form", "wg-filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  const now = page.view.filters;
  const set = (values) => page.filter(values);
  form.append(
    choice(words.which, "which", [["", words.open], ["all", words.all]], now.which, (which) => set({ which, state: "" })),
    spans(page, set),
    picker(words.class, words.every_class, "subject", now.subject, set),
    picker(words.department, words.every_department, "department", now.department, set),
    stateTicks(page, states, words, set),
  );
  const clear = element("button", "wg-wide-button", words.clear);
  clear.type = "button";
  clear.addEventListener("click", () => page.clearFilters());
  form.append(clear);
  json(page.map, addresses.choices).then((told) => told && fillPickers(form, told, now));
  return form;
}

export function choice(word, name, options, now, chosen) {
  const set = element("fieldset", "wg-group");
  set.append(element("legend", "", word));
  const line = element("div", "wg-segments");
  for (const [value, label] of options) {
    const one = element("label", "wg-segment");
    const tick = element("input");
    tick.type = "radio";
    tick.name = name;
    tick.value = value;
    tick.checked = value === now;
    tick.addEventListener("change", () => chosen(value));
    one.append(tick, element("span", "", label));
    line.append(one);
  }
  set.append(line);
  return set;
}

function before(today, days) {
  const day = new Date(`${today}T12:00:00Z`);
  day.setUTCDate(day.getUTCDate() - days);
  return day.toISOString().slice(0, 10);
}

function spans(page, set) {
  const { words, today } = page.facts;
  const now = page.view.filters;
  const presets = [[words.ever, ""], [words.day, today], [words.week, before(today, 6)], [words.month, before(today, 29)], [words.year, before(today, 364)]];
  const box = choice(words.reported, "span", presets.map(([word, since]) => [since, word]), now.until ? "other" : now.since, (since) => set({ since, until: "" }));
  const days = element("div", "wg-days");
  for (const name of ["since", "until"]) {
    const label = element("label", "wg-day");
    const field = element("input", "wg-field");
    field.type = "date";
    field.name = name;
    field.value = now[name];
    field.max = today;
    field.addEventListener("change", () => {
      const other = page.view.filters[name === "since" ? "until" : "since"];
      const wrong = field.value && other && (name === "since" ? field.value > other : field.value < other);
      set(wrong ? { since: field.value, until: field.value } : { [name]: field.value });
    });
    label.append(element("span", "", words[name]), field);
    days.append(label);
  }
  box.append(days);
  return box;
}

function picker(word, every, name, now, set) {
  const label = element("label", "wg-pick");
  const field = element("select", "wg-field");
  field.name = name;
  field.append(new Option(every, ""));
  if (now) field.append(new Option(now, now, true, true));
  field.addEventListener("change", () => set({ [name]: field.value }));
  label.append(element("span", "wg-pick-word", word), field);
  return label;
}

function fillPickers(form, { classes, departments }, now) {
  const subject = form.elements.subject;
  const every = subject.options[0];
  const groups = new Map();
  for (const one of classes) {
    if (!groups.has(`${one.kind} ${one.group}`)) {
      const group = document.createElement("optgroup");
      group.label = one.group;
      groups.set(`${one.kind} ${one.group}`, group);
    }
    groups.get(`${one.kind} ${one.group}`).append(new Option(one.word, one.key, false, one.key === now.subject));
  }
  subject.replaceChildren(every, ...groups.values());
  const department = form.elements.department;
  department.replaceChildren(department.options[0], ...departments.map((one) => new Option(one.word, one.key, false, one.key === now.department)));
}

function stateTicks(page, states, words, set) {
  const box = element("fieldset", "wg-group");
  box.append(element("legend", "", words.states));
  const chosen = new Set(page.view.filters.state.split(",").filter(Boolean));
  for (const state of states) {
    const row = element("label", "wg-legend-row");
    const tick = element("input");
    tick.type = "checkbox";
    tick.name = state.state;
    tick.checked = chosen.has(state.state);
    tick.addEventListener("change", () => {
      if (tick.checked) chosen.add(state.state);
      else chosen.delete(state.state);
      set({ state: states.map((one) => one.state).filter((name) => chosen.has(name)).join(",") });
    });
    row.append(tick, sign(state), element("span", "wg-legend-word", state.word));
    box.append(row);
  }
  return box;
}

// ---- the cases of a drawing

export function insideContent(page, ring) {
  const { words, addresses } = page.facts;
  const content = element("div", "wg-inside");
  const count = element("p", "wg-inside-count", words.loading);
  content.append(count);
  const asked = { within: ring.map(({ lat, lng }) => `${lng.toFixed(5)},${lat.toFixed(5)}`).join(" "), ...page.view.query() };
  json(page.map, address(addresses.inside, asked)).then((told) => {
    if (!told) {
      count.textContent = words.failed;
      return;
    }
    count.textContent = "";
    const number = told.more ? fill(words.or_more, { count: counted(told.count) }) : counted(told.count);
    count.append(element("b", "", number), ` ${words.selected}`);
    if (!told.count) return;
    const list = element("ul", "wg-inside-list");
    list.append(...told.features.map((feature) => caseLine(page, feature)));
    const all = element("a", "wg-wide-button", words.whole_list);
    all.href = address(addresses.list, { within: asked.within, ...page.listQuery() });
    content.append(element("h3", "", words.newest), list, all);
  });
  return content;
}

function caseLine(page, { properties: facts }) {
  const item = element("li");
  const link = element("a", "wg-inside-link");
  link.href = page.facts.addresses.case + encodeURIComponent(facts.number);
  const words = element("span", "wg-inside-words");
  words.append(element("b", "", facts.class_name), element("span", "", facts.description), element("small", "", `${facts.reported} · ${facts.number}`));
  link.append(sign(page.states.get(facts.state), facts.light === "red" || facts.light === "amber" ? facts.light : ""), words);
  item.append(link);
  return item;
}
