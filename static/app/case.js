// The case page: its small map, its photos, and the forms of the next step.

import "./photos.js";
import "./form.js";
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
  button.hidden = !window.isSecureContext;
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    try {
      const { coords } = await position();
      here.querySelector("[name=lon]").value = coords.longitude.toFixed(6);
      here.querySelector("[name=lat]").value = coords.latitude.toFixed(6);
      word.textContent = here.dataset.wordHave.replace("{m}", Math.round(coords.accuracy));
    } catch {
      word.textContent = here.dataset.wordDenied;
    }
    button.removeAttribute("aria-busy");
  });
}
