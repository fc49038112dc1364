// One field for cell codes, case numbers, names of areas and addresses.

import { address, asker } from "./ask.js";
import { element, icon } from "./dom.js";
import { pinIcon } from "./pin.js";

const PAUSE_MS = 250;

export function search(page, side) {
  const { words, addresses } = page.facts;
  const form = element("form", "wg-search");
  form.setAttribute("role", "search");
  const field = element("input", "wg-search-field");
  const list = element("ul", "wg-found");
  Object.assign(field, { type: "search", placeholder: words.search, autocomplete: "off", enterKeyHint: "search", maxLength: 100 });
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-label", words.search);
  field.setAttribute("aria-expanded", "false");
  field.setAttribute("aria-controls", "wg-found");
  list.id = "wg-found";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", words.search);
  list.hidden = true;
  form.append(icon("search"), field);
  side.append(form, list);
  const askOwn = asker(page.map);
  const askPlaces = asker(page.map);
  let found = [];
  let chosen = -1;
  let timer = 0;
  let pin = null;

  function show(rows) {
    found = rows;
    chosen = -1;
    list.replaceChildren(...rows.map(option));
    if (!rows.length) list.append(element("li", "wg-found-none", words.nothing_found));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  }

  function hide() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function option(row, place) {
    const item = element("li", "wg-found-row");
    item.id = `wg-found-${place}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.append(icon(row.icon), element("span", "", row.name), element("small", "", row.note));
    item.addEventListener("pointerdown", (event) => event.preventDefault());
    item.addEventListener("click", () => go(row));
    return item;
  }

  function mark(place) {
    chosen = (place + found.length) % found.length;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    field.setAttribute("aria-activedescendant", `wg-found-${chosen}`);
  }

  function go(row) {
    hide();
    field.value = row.name;
    const [west, south, east, north] = row.box;
    if (pin) pin.remove();
    pin = L.marker([(south + north) / 2, (west + east) / 2], { icon: pinIcon(), interactive: false, keyboard: false }).addTo(page.map);
    page.go([[south, west], [north, east]]);
  }

  async function look() {
    const q = field.value.trim();
    if (!q) return hide();
    const wanted = [askOwn(address(addresses.found, { q }))];
    if (addresses.places && !/^\d+$/.test(q)) {
      const { lat, lng } = page.map.getCenter();
      wanted.push(askPlaces(address(addresses.places, { q, lon: lng.toFixed(5), lat: lat.toFixed(5), limit: 8 })));
    }
    const [own, places] = await Promise.all(wanted);
    if (!own || field.value.trim() !== q) return undefined;
    return show([...own.found.map(ownRow), ...((places && places.places) || []).map((place) => placeRow(page, place))]);
  }

  field.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(look, PAUSE_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (!found.length || list.hidden) return;
    if (event.key === "ArrowDown") mark(chosen + 1);
    if (event.key === "ArrowUp") mark(chosen - 1);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") event.preventDefault();
  });
  field.addEventListener("blur", hide);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    window.clearTimeout(timer);
    if (list.hidden || !found.length) await look();
    if (found.length && !list.hidden) go(found[Math.max(chosen, 0)]);
  });
}

const ICONS = { case: "flag", cell: "grid-dots" };

function ownRow(row) {
  return { ...row, icon: ICONS[row.kind] || "map-2", note: row.name === row.code ? "" : row.code };
}

function placeRow(page, place) {
  const label = (page.english ? place.label.en : place.label.zh) || place.name;
  return { name: label, icon: "map-pin", note: "", box: [place.lon, place.lat, place.lon, place.lat] };
}
