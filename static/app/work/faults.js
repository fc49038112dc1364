// The faults of a file beside its outlines: each of the list is a mark on the map, and jumps there. Names in files are
// shown through textContent only.

import { element, ready } from "../../maps/dom.js";
import { ground } from "../place.js";

const CLOSE = 17;

function outlines(map, data, dark) {
  const look = { plain: dark ? "#60a5fa" : "#2563eb", faulty: dark ? "#fb9d9d" : "#b91c1c" };
  map.createPane("outlines").style.zIndex = 420;
  return L.geoJSON(data, {
    pane: "outlines",
    renderer: L.canvas({ pane: "outlines", padding: 0.3 }),
    style: ({ properties: { faulty } }) => ({ color: faulty ? look.faulty : look.plain, weight: faulty ? 2 : 1.25, fillColor: faulty ? look.faulty : look.plain, fillOpacity: faulty ? 0.1 : 0.05 }),
    pointToLayer: (_feature, place) => L.circleMarker(place, { pane: "outlines", radius: 4 }),
    interactive: false,
  }).addTo(map);
}

function mark(button) {
  const sign = element("span", `fault-pin${button.dataset.stops === "yes" ? " fault-stops" : ""}`, button.dataset.fault);
  return L.divIcon({ html: sign, className: "fault-pin-box", iconSize: [28, 28] });
}

export function faultMap(report) {
  const box = report.querySelector("[data-fault-map]");
  const list = [...report.querySelectorAll("[data-fault]")];
  const pins = new Map();
  let map = null;

  function choose(button) {
    for (const one of list) one.toggleAttribute("aria-current", one === button);
    for (const [one, pin] of pins) pin.getElement()?.classList.toggle("fault-chosen", one === button);
  }

  function jump(button) {
    choose(button);
    const pin = pins.get(button);
    if (!pin) return;
    map.setView(pin.getLatLng(), Math.max(map.getZoom(), CLOSE), { animate: false });
    if (window.innerWidth < 960) box.scrollIntoView({ block: "nearest" });
    ready(map, "fault", button.dataset.fault);
  }

  function place(button) {
    if (!button.dataset.lon) return;
    const pin = L.marker([Number(button.dataset.lat), Number(button.dataset.lon)], { icon: mark(button), keyboard: false, alt: "" });
    pin.on("click", () => {
      choose(button);
      button.scrollIntoView({ block: "nearest" });
      button.focus({ preventScroll: true });
    });
    pins.set(button, pin.addTo(map));
  }

  async function draw() {
    const [west, south, east, north] = box.dataset.bounds.split(",").map(Number);
    map = ground(box, L.latLngBounds([south, west], [north, east]));
    const answer = await fetch(box.dataset.shapes, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const drawn = outlines(map, await answer.json(), document.documentElement.dataset.bsTheme === "dark");
    if (drawn.getBounds().isValid()) map.fitBounds(drawn.getBounds(), { padding: [24, 24], maxZoom: CLOSE, animate: false });
    for (const button of list) place(button);
    ready(map, "faults", pins.size);
  }

  // One kind of fault alone, or all.
  function narrow(chip) {
    const kind = chip.getAttribute("aria-pressed") === "true" ? "" : chip.dataset.kind;
    for (const one of report.querySelectorAll(".fault-kinds button")) one.setAttribute("aria-pressed", String(one.dataset.kind === kind));
    for (const row of report.querySelectorAll(".fault-list li")) row.hidden = Boolean(kind) && row.dataset.kind !== kind;
    for (const [button, pin] of pins) {
      if (button.closest("li").hidden) pin.remove();
      else pin.addTo(map);
    }
  }

  for (const button of list) button.addEventListener("click", () => jump(button));
  for (const chip of report.querySelectorAll(".fault-kinds button")) chip.addEventListener("click", () => narrow(chip));
  if (box) draw();
}
