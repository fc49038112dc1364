// The parts of roads closed that are in conflict on the day that is shown: an outline under the lines of the works, from the
// zoom at which these are drawn.

import { address, asker } from "./ask.js";
import { ready } from "./dom.js";

const LINES_FROM = 15;
export const OUTLINE = { weight: 15, opacity: 0.5, lineCap: "butt", interactive: false };

// A part of the layer of construction zones, in a pane of its own.
export function conflicts(page, pane) {
  const { map, facts, view } = page;
  const ask = asker(map);
  const look = () => ({ ...OUTLINE, color: page.paints["road-conflict"] });
  const drawn = L.geoJSON(null, { pane, style: look });

  function near() {
    map.getPane(pane).style.display = map.getZoom() < LINES_FROM ? "none" : "";
  }

  async function refresh() {
    const told = await ask(address(facts.addresses.traffic, view.day ? { on: view.day } : {}));
    if (!told) return;
    drawn.clearLayers();
    for (const one of told.features.flatMap(({ properties }) => properties.conflicts || [])) drawn.addData(one.part);
    ready(map, "conflicts", drawn.getLayers().length);
  }

  drawn.on("add", () => {
    map.on("zoomend", near);
    near();
    refresh();
  });
  drawn.on("remove", () => map.off("zoomend", near));
  return Object.assign(drawn, { refresh, repaint: () => drawn.setStyle(look()) });
}
