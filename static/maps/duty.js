// Who is on duty in which beat, for those who may know: asked while the layer of beats is shown.

import { json } from "./ask.js";

const EACH_MS = 60000;

export function onDuty(page) {
  const layer = page.layer("coverage");
  const { duty } = page.facts.addresses;
  if (!layer || !duty) return;

  async function look() {
    if (!page.map.hasLayer(layer) || document.hidden) return;
    const told = await json(page.map, duty);
    if (!told) return;
    page.duty = told.on_duty;
    page.dutyKnown = true;
    layer.webgis.repaint();
  }
  layer.on("add", look);
  window.setInterval(look, EACH_MS);
  look();
}
