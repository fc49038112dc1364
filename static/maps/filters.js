// The panel's tab of filters: which cases are shown.

import { json } from "./ask.js";
import { element, sign } from "./dom.js";

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
