// The bar under the heat map that moves a window of a day, a week or a month through the time of all cases.

import { element } from "./dom.js";
import { SlidingBar } from "./sliding.js";
import { windowOf, windowsOf, windowWords } from "./windows.js";

const STEPS = { day: "by_day", week: "by_week", month: "by_month" };
const REPLAYED = 24;

export class TimeBar extends SlidingBar {
  constructor(page, holder) {
    const { words } = page.facts;
    const steps = element("select", "wg-field wg-time-step");
    steps.setAttribute("aria-label", words.time_step);
    steps.append(...[["", words.no_window], ...Object.entries(STEPS).map(([step, word]) => [step, words[word]])].map(([value, word]) => new Option(word, value)));
    super(page, holder, { label: words.time, slider: words.window, step: 1, pause: 1100, before: steps });
    this.steps = steps;
    this.steps.addEventListener("change", () => this.choose(this.steps.value));
    this.sync();
  }

  get last() {
    return this.windows.length - 1;
  }

  get first() {
    return this.last - REPLAYED;
  }

  // Take step and window from the address.
  sync() {
    const { heat, filters } = this.page.view;
    const { first_day: first } = this.page.facts.heat;
    const { today } = this.page.facts;
    const step = heat.step in STEPS ? heat.step : "";
    this.steps.value = step;
    this.bar.dataset.step = step;
    if (!step) {
      this.stop();
      this.label.textContent = "";
      return;
    }
    this.windows = windowsOf(step, first, today);
    const { since, until } = windowOf(step, filters.since || today, today);
    if (!filters.since) Object.assign(filters, { since, until });
    const found = this.windows.findIndex((one) => one.since === since);
    this.at(found < 0 ? this.last : found);
  }

  words(place) {
    return windowWords(this.steps.value, this.windows[place], this.page.lang);
  }

  // Another step: the window that holds what was seen. All cases count, since most of the past has ended.
  choose(step) {
    const { filters } = this.page.view;
    const { today } = this.page.facts;
    const span = step ? windowOf(step, filters.until || today, today) : { since: "", until: "" };
    this.stop();
    this.page.slide({ ...span, ...(step ? { which: "all" } : {}) }, step, "pushState");
    this.sync();
  }

  show(place) {
    return this.page.slide(this.windows[place], this.steps.value, "replaceState");
  }
}
