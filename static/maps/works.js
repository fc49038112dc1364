// The bar under the map of construction zones that moves a day through the time of all works. What is drawn of works is
// how they are on that day, by what is known now.

import { element, fill } from "./dom.js";
import { SlidingBar } from "./sliding.js";
import { daysBetween, later } from "./windows.js";

const WEEK = 7;

export class WorksBar extends SlidingBar {
  constructor(page, holder) {
    const { words, works, today } = page.facts;
    const now = element("button", "wg-quiet-button wg-works-today", words.works_today);
    now.type = "button";
    super(page, holder, { label: words.works_day, slider: words.works_day, step: WEEK, pause: 900, before: now });
    this.bar.classList.add("wg-works-time");
    this.bar.dataset.step = "day";
    this.begin = works.first_day < today ? works.first_day : today;
    this.now = now;
    this.now.addEventListener("click", () => this.move(daysBetween(this.begin, today)));
    this.sync();
  }

  get last() {
    const { works, today } = this.page.facts;
    return daysBetween(this.begin, works.last_day > today ? works.last_day : today);
  }

  get first() {
    return 0;
  }

  // Take the day from the address.
  sync() {
    const { view, facts } = this.page;
    this.at(daysBetween(this.begin, view.day || facts.today));
  }

  words(place) {
    return later(this.begin, place);
  }

  tell() {
    super.tell();
    this.now.disabled = later(this.begin, this.place) === this.page.facts.today;
  }

  show(place) {
    return this.page.slideDay(later(this.begin, place));
  }

  // Which works are drawn (phase by code): how many is said of the day; both are there for scripts that look on.
  counted(drawn) {
    const { words } = this.page.facts;
    this.label.title = drawn.size ? fill(words.works_count, { count: drawn.size }) : words.works_none;
    this.bar.dataset.works = drawn.size;
    this.bar.dataset.phases = [...new Set(drawn.values())].sort().join(" ");
  }
}
