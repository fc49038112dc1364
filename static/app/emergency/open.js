// The form that opens an emergency: its place on a map, and what the plan of the chosen kind and level would put on the
// board.

import { wire } from "../wire.js";

const form = document.querySelector(".em-open");

function showPlan() {
  const kind = form.elements.kind.value;
  const level = Number(form.elements.level.value);
  document.querySelector("[data-plan-none]").hidden = Boolean(kind);
  for (const list of document.querySelectorAll("[data-plan]")) {
    list.hidden = list.dataset.plan !== kind;
    for (const item of list.children) item.hidden = level > Number(item.dataset.fromLevel);
  }
}

wire(document);
form.addEventListener("change", showPlan);
showPlan();
