// The panel at the side of a desk's map and at the foot of a phone's: tabs, and the content of the one that is open.

import { button, element, icon } from "./dom.js";

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
