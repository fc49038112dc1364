// The case page: its small map, its photos, and the forms of the next step.

import "./viewer.js";
import { ground } from "./place.js";
import { wire } from "./wire.js";

const box = document.querySelector("[data-place-map]");
if (box) {
  const place = [Number(box.dataset.lat), Number(box.dataset.lon)];
  const map = ground(box, place);
  L.marker(place, { icon: window.webgisMaps.pinIcon(box.dataset.colour), interactive: false, keyboard: false }).addTo(map);
}
wire(document);
