// Long work: tells how far it is until its state is another one, then shows the page anew; and the map of its faults.

import { faultMap } from "./faults.js";

const EACH_MS = 700;
const AFTER_TROUBLE_MS = 4000;

function follow(box) {
  const bar = box.querySelector("progress");
  const said = box.querySelector("[data-percent]");
  const line = box.querySelector("[role=status]");

  async function look() {
    let wait = EACH_MS;
    try {
      const answer = await fetch(box.dataset.work, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.status === 401 || answer.status === 404) return window.location.reload();
      if (!answer.ok) throw new TypeError(`HTTP ${answer.status}`);
      const { state, percent, trouble } = await answer.json();
      if (state !== box.dataset.state) return window.location.reload();
      bar.value = percent;
      said.textContent = `${percent} %`;
      if (trouble) line.textContent = trouble === "dead" ? box.dataset.wordDead : box.dataset.wordTrouble;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      wait = AFTER_TROUBLE_MS;
    }
    return window.setTimeout(look, wait);
  }

  look();
}

for (const box of document.querySelectorAll("[data-work]")) follow(box);
for (const report of document.querySelectorAll("[data-ground]")) faultMap(report);
