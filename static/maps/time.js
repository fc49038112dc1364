// The bar under the heat map that moves a window of a day, a week or a month through the time of all cases: by pointer,
// by keys, or by itself.

import { button, element, icon } from "./dom.js";
import { windowOf, windowsOf, windowWords } from "./windows.js";

const STEPS = { day: "by_day", week: "by_week", month: "by_month" };
const FRAME_MS = 1100;
const REPLAYED = 24;

export class TimeBar {
  constructor(page, holder) {
    this.page = page;
    const { words } = page.facts;
    this.bar = element("div", "wg-time");
    this.bar.setAttribute("role", "group");
    this.bar.setAttribute("aria-label", words.time);
    this.steps = element("select", "wg-field wg-time-step");
    this.steps.setAttribute("aria-label", words.time_step);
    this.steps.append(...[["", words.no_window], ...Object.entries(STEPS).map(([step, word]) => [step, words[word]])].map(([value, word]) => new Option(word, value)));
    this.steps.addEventListener("change", () => this.step(this.steps.value));
    this.playing = button("wg-quiet-button wg-time-play", "player-play", words.play, () => (this.timer ? this.stop() : this.play()));
    this.back = button("wg-quiet-button", "chevron-left", words.earlier, () => this.move(this.place - 1));
    this.on = button("wg-quiet-button", "chevron-right", words.later, () => this.move(this.place + 1));
    this.slider = element("input", "wg-time-slider");
    this.slider.type = "range";
    this.slider.min = 0;
    this.slider.setAttribute("aria-label", words.window);
    this.slider.addEventListener("input", () => this.move(Number(this.slider.value)));
    this.label = element("output", "wg-time-label");
    const line = element("div", "wg-time-line");
    line.append(this.playing, this.back, this.slider, this.on);
    this.bar.append(this.steps, line, this.label);
    holder.append(this.bar);
    this.sync();
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
    this.place = found < 0 ? this.windows.length - 1 : found;
    this.shown = this.place;
    this.slider.max = this.windows.length - 1;
    this.tell();
  }

  tell() {
    const words = windowWords(this.steps.value, this.windows[this.place], this.page.lang);
    this.slider.value = this.place;
    this.slider.setAttribute("aria-valuetext", words);
    this.label.textContent = words;
    this.back.disabled = this.place === 0;
    this.on.disabled = this.place === this.windows.length - 1;
  }

  // Another step: the window that holds what was seen. All cases count, since most of the past has ended.
  step(step) {
    const { filters } = this.page.view;
    const { today } = this.page.facts;
    const span = step ? windowOf(step, filters.until || today, today) : { since: "", until: "" };
    this.stop();
    this.page.slide({ ...span, ...(step ? { which: "all" } : {}) }, step, "pushState");
    this.sync();
  }

  // One question at a time; the window last wanted is shown in the end.
  async move(place) {
    this.place = Math.max(0, Math.min(this.windows.length - 1, place));
    this.tell();
    if (this.busy) return;
    this.busy = true;
    while (this.shown !== this.place) {
      this.shown = this.place;
      await this.page.slide(this.windows[this.place], this.steps.value, "replaceState");
    }
    this.busy = false;
  }

  play() {
    const last = this.windows.length - 1;
    if (this.place === last) this.move(last - REPLAYED);
    this.mark("player-pause", this.page.facts.words.pause);
    const next = async () => {
      await this.move(this.place + 1);
      if (this.timer && this.place < last) this.timer = window.setTimeout(next, FRAME_MS);
      else this.stop();
    };
    this.timer = window.setTimeout(next, FRAME_MS);
  }

  stop() {
    if (!this.timer) return;
    window.clearTimeout(this.timer);
    this.timer = null;
    this.mark("player-play", this.page.facts.words.play);
  }

  mark(name, word) {
    this.playing.replaceChildren(icon(name));
    this.playing.title = word;
    this.playing.setAttribute("aria-label", word);
  }
}
