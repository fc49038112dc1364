// The case page: its small map, its photos, and the forms of the next step.

import "./photos.js";
import "./picker.js";
import "./form.js";
import { pinMap } from "./pin.js";
import { ground, position } from "./place.js";

const box = document.querySelector("[data-place-map]");
if (box) {
  const place = [Number(box.dataset.lat), Number(box.dataset.lon)];
  const map = ground(box, place);
  L.marker(place, { icon: window.webgisMaps.pinIcon(box.dataset.colour), interactive: false, keyboard: false }).addTo(map);
}

const dialog = document.querySelector("[data-viewer-dialog]");
const links = [...document.querySelectorAll("[data-photo]")];
const full = dialog.querySelector("[data-full]");
let at = 0;

function show(index) {
  at = (index + links.length) % links.length;
  full.src = links[at].href;
  full.alt = links[at].querySelector("img").alt;
  for (const button of dialog.querySelectorAll("[data-prev], [data-next]")) button.hidden = links.length < 2;
  if (!dialog.open) dialog.showModal();
}

links.forEach((link, index) => {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    show(index);
  });
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.querySelector("[data-prev]").addEventListener("click", () => show(at - 1));
dialog.querySelector("[data-next]").addEventListener("click", () => show(at + 1));
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(at - 1);
  if (event.key === "ArrowRight") show(at + 1);
});

for (const here of document.querySelectorAll("[data-here]")) {
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
for (const box of document.querySelectorAll("[data-pin-map]")) {
  const form = box.closest("details.step-box");
  const draw = () => form.open && !box.dataset.drawn && (box.dataset.drawn = "yes") && pinMap(box);
  form.addEventListener("toggle", draw);
  draw();
}
