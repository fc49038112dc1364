// A hazard source and what lies around it on a map: outline, rings, and the things of an impact sheet.

import { element, ready } from "../../maps/dom.js";
import { ground } from "../place.js";

const COLOURS = { school: "#7c3aed", hospital: "#be123c", care: "#0e7490", market: "#a16207", case: "#1d4ed8", crew: "#15803d", station: "#0f766e" };
const OUTLINE = { color: "#b91c1c", weight: 2, fillColor: "#dc2626", fillOpacity: 0.25 };
const RING = { color: "#b45309", weight: 1.75, dashArray: "6 5", fillColor: "#f59e0b", fillOpacity: 0.08, smoothFactor: 0.2, interactive: false };

const holder = document.querySelector("[data-hazard-map]");
if (holder) show();
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());

async function show() {
  const answer = await fetch(holder.dataset.features, { headers: { Accept: "application/geo+json" } });
  if (!answer.ok) return;
  const told = await answer.json();
  const features = told.features || [told];
  const outline = L.geoJSON(features.filter(({ geometry }) => geometry.type !== "Point"), { style: styled });
  const bounds = outline.getBounds();
  const map = ground(holder, bounds.pad(0.05));
  map.createPane("hazard").style.zIndex = 410;
  for (const shape of outline.getLayers()) shape.options.pane = "hazard";
  outline.addTo(map);
  const points = features.filter(({ geometry }) => geometry.type === "Point");
  L.geoJSON(points, { pointToLayer }).addTo(map);
  ready(map, "hazard", features.length);
}

function styled({ properties }) {
  return properties.kind === "ring" ? RING : OUTLINE;
}

function pointToLayer({ properties }, place) {
  const colour = COLOURS[properties.kind] || "#475569";
  const point = L.circleMarker(place, { pane: "hazard", radius: 7, color: "#fff", weight: 2, fillColor: colour, fillOpacity: 1 });
  return point.bindTooltip(element("span", "", wordOf(properties)));
}

function wordOf({ name, name_en: english, number, class_zh: zh, class_en: en, login }) {
  const inEnglish = document.documentElement.lang === "en";
  return (inEnglish && (english || en)) || name || zh || number || login || "";
}
