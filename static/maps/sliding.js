// A bar under the map that slides through places in time: by pointer, by keys, or by itself. Who extends it says how many
// places there are (`last`), what a place is called (`words`), and how it is shown (`show`, which may take its time).

import { button, element, icon } from "./dom.js";

export class SlidingBar {
  // `step`: places moved at a time; `pause`: milliseconds between two moves that it makes by itself.
  constructor(page, holder, { label, slider, step, pause, before }) {
    const { words } = page.facts;
    Object.assign(this, { page, step, pause });
    this.bar = element("div", "wg-time");
    this.bar.setAttribute("role", "group");
    this.bar.setAttribute("aria-label", label);
    this.playing = button("wg-quiet-button wg-time-play", "player-play", words.play, () => (this.timer ? this.stop() : this.play()));
    this.back = button("wg-quiet-button", "chevron-left", words.earlier, () => this.move(this.place - step));
    this.on = button("wg-quiet-button", "chevron-right", words.later, () => this.move(this.place + step));
    this.slider = element("input", "wg-time-slider");
    Object.assign(this.slider, { type: "range", min: 0 });
    this.slider.setAttribute("aria-label", slider);
    this.slider.addEventListener("input", () => this.move(Number(this.slider.value)));
    this.label = element("output", "wg-time-label");
    const line = element("div", "wg-time-line");
    line.append(this.playing, this.back, this.slider, this.on);
    this.bar.append(before, line, this.label);
    holder.append(this.bar);
  }

  // Be at a place that is shown already.
  at(place) {
    this.place = this.within(place);
    this.shown = this.place;
    this.slider.max = this.last;
    this.tell();
  }

  within(place) {
    return Math.max(0, Math.min(this.last, place));
  }

  tell() {
    const words = this.words(this.place);
    this.slider.value = this.place;
    this.slider.setAttribute("aria-valuetext", words);
    this.label.textContent = words;
    this.back.disabled = this.place === 0;
    this.on.disabled = this.place === this.last;
  }

  // One question at a time; the place last wanted is shown in the end.
  async move(place) {
    this.place = this.within(place);
    this.tell();
    if (this.busy) return;
    this.busy = true;
    while (this.shown !== this.place) {
      this.shown = this.place;
      await this.show(this.place);
    }
    this.busy = false;
  }

  // From the beginning (`first`) when it is at the end.
  play() {
    if (this.place === this.last) this.move(this.first);
    this.mark("player-pause", this.page.facts.words.pause);
    const next = async () => {
      await this.move(this.place + this.step);
      if (this.timer && this.place < this.last) this.timer = window.setTimeout(next, this.pause);
      else this.stop();
    };
    this.timer = window.setTimeout(next, this.pause);
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
