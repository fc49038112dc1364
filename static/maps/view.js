// What a map shows (place, layers, filters, theme), as its address says it, and those who must hear of changes.

// What has the theme that a map follows, as its switch may change it (static/app/theme.js): this page, or for a file that
// stands alone the page whose frame it is in, if there is one.
export function themed() {
  const own = document.documentElement;
  if (own.dataset.bsTheme || window.parent === window) return own;
  try {
    return window.parent.document.documentElement;
  } catch {
    return own; // a page of somebody else
  }
}

const pageTheme = () => themed().dataset.bsTheme || "light";

const FILTERS = ["which", "state", "subject", "department", "since", "until"];
// What the heat map measures: by what, of which level, compared with which span, and the step of its window of time.
const HEAT = ["by", "level", "than", "than_since", "than_until", "step"];
const DIGITS = 5;

function readPlace(text) {
  const [lat, lon, zoom] = (text || "").split(",").map(Number);
  return Number.isFinite(lat + lon + zoom) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180 ? { lat, lon, zoom } : null;
}

export class View {
  constructor(facts) {
    this.shownFirst = facts.layers.filter((layer) => layer.shown).map((layer) => layer.name);
    this.known = new Set(facts.layers.map((layer) => layer.name));
    this.hearers = [];
    this.read();
  }

  // Take everything from the address.
  read() {
    const query = new URLSearchParams(window.location.search);
    this.at = readPlace(query.get("at"));
    const layers = query.has("layers") ? query.get("layers").split(",") : this.shownFirst;
    this.layers = new Set(layers.filter((name) => this.known.has(name)));
    this.filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) || ""]));
    this.day = query.get("day") || "";
    this.heat = Object.fromEntries(HEAT.map((name) => [name, query.get(name) || ""]));
    this.theme = ["light", "dark"].includes(query.get("theme")) ? query.get("theme") : pageTheme();
    this.base = query.get("base") || "";
  }

  address() {
    const query = new URLSearchParams();
    const { at } = this;
    if (at) query.set("at", `${at.lat.toFixed(DIGITS)},${at.lon.toFixed(DIGITS)},${at.zoom}`);
    const names = [...this.layers].sort().join(",");
    if (names !== [...this.shownFirst].sort().join(",")) query.set("layers", names);
    for (const name of FILTERS) if (this.filters[name]) query.set(name, this.filters[name]);
    for (const name of HEAT) if (this.heat[name]) query.set(name, this.heat[name]);
    if (this.day) query.set("day", this.day);
    if (this.theme !== pageTheme()) query.set("theme", this.theme);
    if (this.base) query.set("base", this.base);
    const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
    return window.location.pathname + (text ? `?${text}` : "");
  }

  hear(hearer) {
    this.hearers.push(hearer);
  }

  tell(what) {
    for (const hearer of this.hearers) hearer(what);
  }

  // A choice of the reader: the back button undoes it.
  choose(what, change) {
    change(this);
    this.remember("pushState");
    this.tell(what);
  }

  // `how`: pushState for a choice; replaceState for a move, which the back button does not undo by itself.
  remember(how) {
    if (window.location.protocol === "file:") return;
    window.history[how](null, "", this.address());
  }

  // What tiles and lists are asked with.
  query() {
    const { which, subject, ...others } = this.filters;
    const [kind, code] = subject.split(":");
    const wanted = { ...others, measure: which === "all" ? "" : "open", kind: kind || "", class: code || "" };
    if (wanted.state) wanted.measure = "";
    return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  }
}
