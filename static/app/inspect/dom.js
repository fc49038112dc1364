// Elements, words, moments and metres. What people typed is shown through textContent only.

const SVG = "http://www.w3.org/2000/svg";

export const config = JSON.parse(document.getElementById("config").textContent);
const words = JSON.parse(document.getElementById("words").textContent);

export const english = document.documentElement.lang === "en";
export const language = english ? "en" : "zh";

// A text of the page by its key, with values for {names}.
export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

// The one of two languages that is read; Chinese where there is no English.
export const said = (names) => (names ? names[language] || names.zh || "" : "");

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/app/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

// make("button", { class: "btn", type: "button", onclick }, children...)
export function make(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export function button(className, iconName, text, act) {
  return make("button", { class: `btn ${className}`, type: "button", onclick: act }, iconName ? icon(iconName) : null, make("span", {}, text));
}

export const find = (name, within = document) => within.querySelector(`[data-${name}]`);

export function metres(count) {
  return count < 1000 ? `${Math.round(count)} m` : `${(count / 1000).toFixed(1)} km`;
}

const clock = new Intl.DateTimeFormat(english ? "en-GB" : "zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(english ? "en-GB" : "zh-CN", { month: "short", day: "numeric" });

// The hour, with the day when it is not today.
export function when(moment) {
  const at = new Date(moment);
  const time = clock.format(at);
  return at.toDateString() === new Date().toDateString() ? time : `${day.format(at)} ${time}`;
}

// "1 h 20 min", of milliseconds.
export function span(length) {
  const minutes = Math.floor(Math.abs(length) / 60_000);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days) return t("span_days", { d: days, h: hours });
  return hours ? t("span_hours", { h: hours, m: minutes % 60 }) : t("span_minutes", { m: minutes });
}

// A question in a dialog: resolves with the value of the button that was pressed, or null.
export function ask(title, text, choices) {
  const box = find("ask");
  return new Promise((resolve) => {
    const answers = choices.map(([value, word, look]) => make("button", { class: `btn btn-wide ${look || ""}`, type: "button", onclick: () => box.close(value) }, word));
    box.replaceChildren(make("h2", {}, title), ...[].concat(text).map((one) => make("p", {}, one)), ...answers);
    box.returnValue = "";
    box.onclose = () => resolve(box.returnValue || null);
    box.showModal();
  });
}

const banners = document.querySelector("[data-banners]");

// A line above the page that stays until it is taken away; null takes it away.
export function banner(name, text, ...more) {
  banners.querySelector(`[data-banner="${name}"]`)?.remove();
  if (text) banners.append(make("div", { class: "banner", "data-banner": name }, make("span", {}, text), ...more));
}

let passing = 0;

// A line that passes by itself.
export function say(text) {
  banner("passing", text);
  clearTimeout(passing);
  passing = setTimeout(() => banner("passing", null), 5000);
}
