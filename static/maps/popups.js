// What a click tells. Everything that people wrote is put in as text.

import { address, json } from "./ask.js";
import { counted, element, nameOf, sign } from "./dom.js";
import { lightOf } from "./discs.js";

const MOST_LISTED = 8;

// Where the search, the panel and the buttons do not lie over it.
export function openPopup(page, latlng, content) {
  const room = { autoPanPaddingTopLeft: page.popupRoom(), autoPanPaddingBottomRight: [64, 24] };
  return L.popup({ minWidth: 220, maxWidth: 270, ...room }).setLatLng(latlng).setContent(content).openOn(page.map);
}

function link(className, href, words) {
  const made = element("a", className, words);
  made.href = href;
  return made;
}

function line(box, word, value) {
  if (value === undefined || value === null || value === "") return;
  const made = element("div", "wg-popup-line");
  made.append(element("span", "wg-popup-word", word), element("span", "", value));
  box.append(made);
}

// One case: its sign at once, what the server tells of it when it comes.
export function caseBox(page, facts) {
  const { words, lights, addresses } = page.facts;
  const row = page.states.get(facts.state);
  const box = element("div", "wg-popup");
  const head = element("div", "wg-popup-kind");
  const light = lightOf(facts);
  head.append(sign(row), element("span", "", row.word));
  if (light && lights[light]) head.append(element("span", `wg-light wg-light-${light}`, lights[light]));
  const title = element("div", "wg-popup-title", words.loading);
  const text = element("div", "wg-popup-text");
  const when = element("div", "wg-popup-line");
  box.append(head, title, text, when, link("wg-popup-number", addresses.case + encodeURIComponent(facts.number), facts.number));
  json(page.map, `${addresses.api}cases/${encodeURIComponent(facts.number)}`).then((told) => {
    const found = told ? told.properties : {};
    title.textContent = (page.english ? found.class_name_en : "") || found.class_name_zh || facts.class || "";
    text.textContent = found.description || "";
    when.textContent = found.reported_at ? new Date(found.reported_at).toLocaleString(page.lang, { dateStyle: "medium", timeStyle: "short" }) : "";
  });
  return box;
}

// Several cases at one place: as a list.
export function casesBox(page, group) {
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-title", `${page.facts.words.many_cases}: ${counted(group.count)}`));
  const list = element("ul", "wg-popup-list");
  for (const facts of group.cases.slice(0, MOST_LISTED)) {
    const item = element("li");
    item.append(sign(page.states.get(facts.state)), link("wg-popup-number", page.facts.addresses.case + facts.number, facts.number));
    list.append(item);
  }
  box.append(list);
  return box;
}

function cellBox(page, feature) {
  const { words, addresses } = page.facts;
  const { code, count, level } = feature.properties;
  const box = element("div", "wg-popup");
  if (code) box.append(element("div", "wg-popup-kind", level === "cell" ? words.cell : words[level]));
  if (code) box.append(element("div", "wg-popup-title", level === "cell" ? code : nameOf(feature.properties)));
  if (count !== undefined) line(box, words.of_count, counted(Number(count)));
  if (addresses) box.append(link("wg-popup-number", address(addresses.list, { area: code, ...page.listQuery() }), words.to_list));
  return box;
}

function componentBox(page, feature) {
  const { words, component_states: states = {}, addresses } = page.facts;
  const { code, name, state, count } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", words.component));
  if (!code) {
    box.append(element("div", "wg-popup-title", counted(Number(count))));
    return box;
  }
  box.append(element("div", "wg-popup-title", name));
  line(box, words.state, states[state] || state);
  line(box, words.code, code);
  if (addresses.component) box.append(link("wg-popup-number", addresses.component + code, code));
  return box;
}

function beatBox(page, feature) {
  const { words } = page.facts;
  const { code } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", words.beat), element("div", "wg-popup-title", nameOf(feature.properties) || code));
  line(box, words.code, code);
  const there = page.duty.filter((one) => one.beat_code === code);
  if (page.dutyKnown) line(box, words.on_duty, there.length ? there.map((one) => one.name).join(", ") : words.nobody);
  return box;
}

function spotBox(page, feature) {
  const { words } = page.facts;
  const { code, reported, called, q, hot, cold } = feature.properties;
  const box = element("div", "wg-popup");
  const sure = called ? `${called > 0 ? words.hot : words.cold} · ${Math.abs(called)} %` : words.neither;
  box.append(element("div", "wg-popup-kind", code ? words.cell : words.place), element("div", "wg-popup-title", code || `${words.hot} ${hot}, ${words.cold} ${cold}`));
  if (code) box.append(element("div", "wg-popup-line", sure));
  if (code) line(box, "q", Number(q).toPrecision(2));
  if (code) line(box, words.of_count, counted(Number(reported)));
  return box;
}

// A zone, a stretch, a station: what it is, and where more is told.
function metroBox(page, feature) {
  const { words, metro = {}, addresses } = page.facts;
  const { part, kind, code, line: lines, metres, approximate } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", metro[part === "zone" ? `zone_${kind}` : kind] || kind));
  box.append(element("div", "wg-popup-title", nameOf(feature.properties)));
  line(box, words.metro_line, lines);
  if (part === "zone") line(box, words.metro_reach, `${metres} m`);
  if (approximate) box.append(element("div", "wg-popup-text", words.metro_rough));
  if (code && addresses && addresses.structure) box.append(link("wg-popup-number", addresses.structure + code, words.metro_more));
  return box;
}

// A hazard source: its level, how its sensors stand, and its page for those who may open it.
function hazardBox(page, feature) {
  const { words, addresses } = page.facts;
  const { code, level, live } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", words.hazard), element("div", "wg-popup-title", nameOf(feature.properties)));
  box.append(element("div", "wg-popup-line", words[`hazard_level_${level}`]), element("div", "wg-popup-line", words[`hazard_live_${live}`]));
  if (addresses && addresses.hazard) box.append(link("wg-popup-number", addresses.hazard + encodeURIComponent(code), words.hazard_more));
  return box;
}

// An emergency: its level and title, and its page for those who may open it.
function emergencyBox(page, feature) {
  const { words, addresses } = page.facts;
  const { number, level, title, exercise } = feature.properties;
  const levels = [words.emergency_1, words.emergency_2, words.emergency_3, words.emergency_4];
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", exercise ? `${words.emergency} · ${words.exercise}` : words.emergency));
  box.append(element("div", "wg-popup-title", title), element("div", "wg-popup-line", levels[level - 1]));
  if (addresses.emergency) box.append(link("wg-popup-number", addresses.emergency + encodeURIComponent(number), number));
  return box;
}

const PHASES = ["phase_", "phase_hoarding", "phase_utilities", "phase_excavation", "phase_structure", "phase_backfill", "phase_restored"];

// Works, or what they do to a road.
function worksBox(page, feature) {
  const { words, addresses } = page.facts;
  const { part, code, phase, contractor, road, width_left_m: width, first_day: first, last_day: last, words: told } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", part === "zone" ? words.works : words[part]), element("div", "wg-popup-title", nameOf(feature.properties) || code));
  if (part === "zone") line(box, words.works_phase, words[PHASES.find((one) => one === `phase_${phase}`)]);
  line(box, words.works_contractor, contractor);
  if (first) line(box, words.works_days, `${first} – ${last || ""}`);
  line(box, words.works_road, road);
  if (width !== undefined && part !== "diversion") line(box, words.works_width, `${width} m`);
  if (told) box.append(element("div", "wg-popup-text", told));
  if (addresses && addresses.works) box.append(link("wg-popup-number", addresses.works + encodeURIComponent(code), words.works_more));
  return box;
}

// An alarm that stands: which level of what, since when, and its page and case.
function alarmBox(page, feature) {
  const { words, addresses } = page.facts;
  const { alarm, rule_zh: zh, rule_en: en, number, raised, waiting } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", words.alarm), element("div", "wg-popup-title", nameOf(feature.properties)));
  box.append(element("div", "wg-popup-text", page.english ? en : zh));
  line(box, words.alarm_since, new Date(Number(raised) * 1000).toLocaleString(page.lang, { dateStyle: "medium", timeStyle: "short" }));
  if (waiting) box.append(element("div", "wg-popup-line wg-light wg-light-red", words.alarm_waiting));
  if (addresses && addresses.alarm) box.append(link("wg-popup-number", addresses.alarm + alarm, words.alarm_more));
  if (number && addresses && addresses.case) box.append(link("wg-popup-number", addresses.case + number, number));
  return box;
}

// Where water gathers: what is advised for the road.
function waterBox(page, feature) {
  const { words, addresses } = page.facts;
  const { road, number } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", words.water), element("div", "wg-popup-title", nameOf(feature.properties)));
  box.append(element("div", "wg-popup-line", words[`road_${road}`]));
  if (number && addresses && addresses.case) box.append(link("wg-popup-number", addresses.case + number, number));
  if (addresses && addresses.waterlogging) box.append(link("wg-popup-number", addresses.waterlogging, words.water_more));
  return box;
}

// A station: how its sensors stand, and the page of the one that stands worst.
function sensorBox(page, feature) {
  const { words, addresses } = page.facts;
  const { sensor, state, sensors } = feature.properties;
  const box = element("div", "wg-popup");
  box.append(element("div", "wg-popup-kind", words.station), element("div", "wg-popup-title", nameOf(feature.properties)));
  box.append(element("div", "wg-popup-line", words[`sensor_${state}`]));
  line(box, words.sensors_many, sensors);
  if (addresses && addresses.sensor) box.append(link("wg-popup-number", addresses.sensor + encodeURIComponent(sensor), words.sensor_more));
  return box;
}

export const BOXES = { sensors: sensorBox, alarms: alarmBox, waterlogging: waterBox, hazards: hazardBox, construction: worksBox, emergency: emergencyBox, metro: metroBox, areas_by_count: cellBox, cells: cellBox, cells_by_count: cellBox, components: componentBox, hotspots: spotBox, beats: beatBox, measured: (page, feature, coords) => page.heat.box(feature, coords) };

