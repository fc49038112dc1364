// The beat on the map: which cells were visited today, where I am and where I went.

import { ask } from "./asking.js";
import { button, find, make, said, t, when } from "./dom.js";
import { dot, ground, token } from "./ground.js";
import * as layers from "./layers.js";
import { latest, listen, position, within } from "./where.js";
import * as shift from "./shift.js";

let beat = null;
let told = false;
let map = null;
let cells = null;
let here = null;
let walked = null;
let zones = null;

export const known = () => beat;

// The beat that is nearest, or the one of a code, with its cells.
export async function load(code) {
  const place = latest();
  const query = new URLSearchParams({ ...(place ? { lon: place.lon, lat: place.lat } : {}), ...(code ? { code } : {}) });
  const answer = await ask(`/inspect/beat?${query}`, "beat").catch(() => null);
  if (!answer) return;
  const { beats, chosen } = answer.told;
  told = true;
  beat = chosen && { ...chosen, beats, at: answer.at, fresh: answer.fresh };
}

const style = (cell) => {
  const done = Boolean(cell.visited_at);
  return { color: token("--line-strong"), weight: 1, fillColor: token(done ? "--good" : "--warn"), fillOpacity: done ? 0.35 : 0.18 };
};

// A cell in which the phone is now has been visited, before the server says so.
function visit(place) {
  const cell = beat?.cells.find((one) => !one.visited_at && within(one.geometry, place));
  if (!cell || !shift.running() || place.accuracy > 60) return;
  cell.visited_at = new Date(place.at).toISOString();
  cells?.setStyle((feature) => style(feature.properties));
  head();
}

export function begin() {
  shift.listen(visit);
  listen((place) => {
    if (!map) return;
    here?.remove();
    here = dot(place).addTo(map);
  });
}

function head() {
  const box = find("beat-head");
  if (!beat) {
    box.replaceChildren(told ? make("p", { class: "quiet" }, t("no_beat")) : "");
    return;
  }
  const open = beat.cells.filter((cell) => !cell.visited_at).length;
  const choice = make("select", { class: "input", "aria-label": t("beat"), onchange: () => load(choice.value).then(redraw) },
    ...beat.beats.map((one) => make("option", { value: one.code, selected: one.code === beat.code }, `${said(one.name)} · ${one.visited}/${one.cells}`)));
  box.replaceChildren(beat.beats.length > 1 ? choice : make("h3", {}, said(beat.name)),
    make("div", { class: "head" }, make("p", { class: "quiet" }, t("cells_open", { n: open, all: beat.cells.length }) + (beat.fresh ? "" : ` · ${t("as_of", { time: when(beat.at) })}`)),
      button("btn-small", "current-location", t("my_position"), () => position().then(({ lon, lat }) => map.setView([lat, lon], 17), () => {}))));
}

function redraw() {
  head();
  cells?.remove();
  walked?.remove();
  zones?.remove();
  zones = layers.zones().addTo(map);
  cells = null;
  if (!beat) return;
  const features = beat.cells.map((cell) => ({ type: "Feature", geometry: cell.geometry, properties: cell }));
  cells = L.geoJSON(features, { style: (feature) => style(feature.properties), onEachFeature: (feature, layer) => layer.bindTooltip(feature.properties.code.slice(-3)) }).addTo(map);
  const trail = [...beat.track.map(([lon, lat]) => [lat, lon]), ...shift.trail().map(({ lon, lat }) => [lat, lon])];
  walked = L.polyline(trail, { color: token("--accent"), weight: 4, opacity: 0.8, interactive: false }).addTo(map);
  if (cells.getBounds().isValid()) map.fitBounds(cells.getBounds(), { padding: [12, 12], animate: false });
}

export async function show() {
  map ??= ground(find("beat-map"));
  map.invalidateSize();
  redraw();
  layers.lay(map, find("beat-layers"));
  await position().catch(() => null);
  await load(beat?.code);
  if (window.location.hash === "#beat") redraw();
}
