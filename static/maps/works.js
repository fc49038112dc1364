// The bar under the map of construction zones that moves a day through the time of all works: by pointer, by keys, or by
// itself. What is drawn of works is how they are on that day, by what is known now.

import { button, element, fill, icon } from "./dom.js";
import { daysBetween, later } from "./windows.js";

const FRAME_MS = 900;
const WEEK = 7;

export class WorksBar {
  constructor(page, holder) {
    this.page = page;
    const { words, works, today } = page.facts;
    this.first = works.first_day < today ? works.first_day : today;
    this.days = daysBetween(this.first, works.last_day > today ? works.last_day : today);
    this.bar = element("div", "wg-time wg-works-time");
    this.bar.dataset.step = "day";
    this.bar.setAttribute("role", "group");
    this.bar.setAttribute("aria-label", words.works_day);
    this.playing = button("wg-quiet-button wg-time-play", "player-play", words.play, () => (this.timer ? this.stop() : this.play()));
    this.back = button("wg-quiet-button", "chevron-left", words.earlier, () => this.move(this.place - WEEK));
    this.on = button("wg-quiet-button", "chevron-right", words.later, () => this.move(this.place + WEEK));
    this.slider = element("input", "wg-time-slider");
    Object.assign(this.slider, { type: "range", min: 0, max: this.days });
    this.slider.setAttribute("aria-label", words.works_day);
    this.slider.addEventListener("input", () => this.move(Number(this.slider.value)));
    this.label = element("output", "wg-time-label");
    this.now = element("button", "wg-quiet-button wg-works-today", words.works_today);
    this.now.type = "button";
    this.now.addEventListener("click", () => this.move(daysBetween(this.first, today)));
    const line = element("div", "wg-time-line");
    line.append(this.playing, this.back, this.slider, this.on);
    this.bar.append(this.now, line, this.label);
    holder.append(this.bar);
    this.sync();
  }

  // Take the day from the address.
  sync() {
    const { view, facts } = this.page;
    this.place = this.within(daysBetween(this.first, view.day || facts.today));
    this.shown = this.place;
    this.tell();
  }

  within(place) {
    return Math.max(0, Math.min(this.days, place));
  }

  get day() {
    return later(this.first, this.place);
  }

  tell() {
    const { lang, facts } = this.page;
    const words = new Date(`${this.day}T12:00:00Z`).toLocaleDateString(lang, { dateStyle: "long", timeZone: "UTC" });
    this.slider.value = this.place;
    this.slider.setAttribute("aria-valuetext", words);
    this.label.textContent = words;
    this.back.disabled = this.place === 0;
    this.on.disabled = this.place === this.days;
    this.now.disabled = this.day === facts.today;
  }

  // Which works are drawn (phase by code): how many is said of the day; both are there for scripts that look on.
  counted(drawn) {
    const { words } = this.page.facts;
    this.label.title = drawn.size ? fill(words.works_count, { count: drawn.size }) : words.works_none;
    this.bar.dataset.works = drawn.size;
    this.bar.dataset.phases = [...new Set(drawn.values())].sort().join(" ");
  }

  // One question at a time; the day last wanted is shown in the end.
  async move(place) {
    this.place = this.within(place);
    this.tell();
    if (this.busy) return;
    this.busy = true;
    while (this.shown !== this.place) {
      this.shown = this.place;
      await this.page.slideDay(this.day);
    }
    this.busy = false;
  }

  play() {
    if (this.place === this.days) this.move(0);
    this.mark("player-pause", this.page.facts.words.pause);
    const next = async () => {
      await this.move(this.place + WEEK);
      if (this.timer && this.place < this.days) this.timer = window.setTimeout(next, FRAME_MS);
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
