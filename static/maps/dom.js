// Elements, icons and signs. What people typed is shown through textContent only.

const SVG = "http://www.w3.org/2000/svg";
// A file that stands alone holds the icons itself.
const ICONS = document.getElementById("webgis-icons") ? "#" : "/static/app/icons.svg#";

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "wg-icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", ICONS + name);
  svg.append(use);
  return svg;
}

export function button(className, iconName, word, act) {
  const made = element("button", className);
  made.type = "button";
  made.title = word;
  made.setAttribute("aria-label", word);
  made.append(icon(iconName));
  made.addEventListener("click", act);
  return made;
}

// The sign of a state: shape, colour and icon; `late` adds a mark.
export function sign(row, late) {
  const made = element("span", `wg-sign wg-${row.shape}`);
  made.style.setProperty("--wg-colour", row.colour);
  made.append(icon(row.icon));
  if (late) made.append(element("span", `wg-late wg-late-${late}`, "!"));
  return made;
}

export function english() {
  return document.documentElement.lang === "en";
}

// Names of areas in the reader's language.
export function nameOf(area) {
  return (english() && area.name_en) || area.name_zh || area.code || "";
}

export function block(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

// "Zoom {zoom}" with values put in.
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

const plain = new Intl.NumberFormat(english() ? "en" : "zh-CN");

export function counted(number) {
  return plain.format(number);
}

// Short enough for a disc: 950, 9.5k / 1.2万.
export function short(number) {
  if (number < 1000) return String(number);
  return new Intl.NumberFormat(english() ? "en" : "zh-CN", { notation: "compact", maximumSignificantDigits: 3 }).format(number);
}

// Says on the map's element what it shows by now, for scripts that look on.
export function ready(map, what, value = "shown") {
  map.getContainer().dataset[what] = value;
}
