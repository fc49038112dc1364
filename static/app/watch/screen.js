// The big screen: one subject after the other, by itself or by keys (arrows, space to stand still).

import { Charts } from "./charts.js";
import { fresh } from "./fresh.js";

const EACH_MS = 15000;

const root = document.querySelector("[data-figures]");
const charts = new Charts(root, () => JSON.parse(root.querySelector("[data-part=data]").textContent));
const slides = [...root.querySelectorAll("[data-slide]")];
const dots = document.querySelectorAll(".screen-dots li");
const hold = document.querySelector("[data-hold]");
const clock = document.querySelector("[data-clock]");
let place = Math.max(0, Math.min(slides.length - 1, Number(window.location.hash.slice(1)) - 1 || 0));
let timer = 0;

function show(next) {
  place = (next + slides.length) % slides.length;
  slides.forEach((slide, number) => { slide.hidden = number !== place; });
  dots.forEach((dot, number) => dot.classList.toggle("here", number === place));
  const frame = slides[place].querySelector("iframe[data-src]");
  if (frame && !frame.src) frame.src = frame.dataset.src;
  charts.draw();
  window.clearTimeout(timer);
  if (hold.getAttribute("aria-pressed") !== "true") timer = window.setTimeout(() => show(place + 1), EACH_MS);
}

function stand() {
  hold.setAttribute("aria-pressed", String(hold.getAttribute("aria-pressed") !== "true"));
  show(place);
}

for (const button of document.querySelectorAll("[data-turn]")) button.addEventListener("click", () => show(place + Number(button.dataset.turn)));
hold.addEventListener("click", stand);
document.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") show(place + 1);
  if (event.key === "ArrowLeft") show(place - 1);
  if (event.key === " " && event.target === document.body) {
    event.preventDefault();
    stand();
  }
});

// Written as every page writes moments: 2026-11-23 14:05, which is how Swedish does.
const time = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: clock.dataset.zone });
const tick = () => { clock.textContent = time.format(new Date()); };
window.setInterval(tick, 1000);
tick();
show(place);
fresh(root, () => charts.draw());
