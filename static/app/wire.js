// What forms and facts of a case need in the browser, wherever they are shown: photos, pickers, positions, maps, and forms
// that stay. `wire` may be called again for what has come into the page.

import { photos } from "./photos.js";
import { picker } from "./picker.js";
import { stay } from "./form.js";
import { pinMap } from "./pin.js";
import { ground, position } from "./place.js";
import { pinIcon } from "../maps/pin.js";

export function wire(root) {
  for (const box of root.querySelectorAll("[data-photos]")) photos(box);
  for (const box of root.querySelectorAll("[data-picker]")) picker(box);
  for (const form of root.querySelectorAll("form[data-stay]")) stay(form);
  for (const here of root.querySelectorAll("[data-here]")) takePosition(here);
  for (const box of root.querySelectorAll("[data-pin-map]")) pinWhenOpen(box);
  for (const box of root.querySelectorAll("[data-place-map]")) showPlace(box);
}

function showPlace(box) {
  const place = [Number(box.dataset.lat), Number(box.dataset.lon)];
  const map = ground(box, place);
  L.marker(place, { icon: pinIcon(box.dataset.colour), interactive: false, keyboard: false }).addTo(map);
}

function takePosition(here) {
  const button = here.querySelector("[data-take-position]");
  const word = button.querySelector("span");
  const field = (name) => here.querySelector(`[name=${name}]`);
  button.addEventListener("click", async () => {
    if (!window.isSecureContext) {
      word.textContent = here.dataset.wordSecure;
      here.querySelector("details").open = true;
      return;
    }
    button.setAttribute("aria-busy", "true");
    try {
      const { coords } = await position();
      field("lon").value = coords.longitude.toFixed(6);
      field("lat").value = coords.latitude.toFixed(6);
      field("accuracy_m").value = coords.accuracy.toFixed(1);
      word.textContent = here.dataset.wordHave.replace("{m}", Math.round(coords.accuracy));
    } catch {
      word.textContent = here.dataset.wordDenied;
      here.querySelector("details").open = true;
    }
    button.removeAttribute("aria-busy");
  });
}

// A map can be drawn only where it has a size: when its form is opened.
function pinWhenOpen(box) {
  const form = box.closest("details.step-box");
  const draw = () => (!form || form.open) && !box.dataset.drawn && (box.dataset.drawn = "yes") && pinMap(box);
  if (form) form.addEventListener("toggle", draw);
  draw();
}
