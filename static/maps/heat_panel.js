// The heat map's tab: what is measured, of which places, compared with which span; and the legend of what is seen.

import { element } from "./dom.js";
import { choice } from "./filters.js";
import { UNITS } from "./heat.js";

const LEVELS = ["cell", "community", "subdistrict", "county"];

export function heatContent(page) {
  const { words } = page.facts;
  const { heat } = page.view;
  const { by } = page.heat.how;
  const set = (values) => page.measure(values);
  const form = element("form", "wg-filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  const levels = LEVELS.filter((level) => level !== "cell" || by !== "per_10000_people");
  form.append(
    choice(words.measured, "by", Object.entries(UNITS).map(([one, word]) => [one, words[word]]), by, (one) => set({ by: one === "count" ? "" : one })),
    choice(words.level, "level", [["", words.by_zoom], ...levels.map((level) => [level, words[level]])], heat.level, (level) => set({ level })),
    choice(words.compare, "than", [["", words.compare_not], ["before", words.compare_before], ["year", words.compare_year], ["other", words.compare_other]], heat.than, (than) => set({ than })),
  );
  if (heat.than === "other") form.append(otherDays(page, set));
  page.heat.legendBox = element("div", "wg-heat-shown");
  page.heat.legendBox.append(...page.heat.legend());
  const content = element("div");
  content.append(page.heat.legendBox, form);
  return content;
}

// The days of the span that is compared with.
function otherDays(page, set) {
  const days = element("div", "wg-days");
  for (const [name, word] of [["than_since", page.facts.words.since], ["than_until", page.facts.words.until]]) {
    const label = element("label", "wg-day");
    const field = element("input", "wg-field");
    field.type = "date";
    field.name = name;
    field.value = page.view.heat[name];
    field.max = page.facts.today;
    field.addEventListener("change", () => {
      const other = page.view.heat[name === "than_since" ? "than_until" : "than_since"];
      const wrong = field.value && other && (name === "than_since" ? field.value > other : field.value < other);
      set(wrong ? { than_since: field.value, than_until: field.value } : { [name]: field.value });
    });
    label.append(element("span", "", word), field);
    days.append(label);
  }
  return days;
}
