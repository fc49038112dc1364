// Construction zones around the own beats, kept on the phone: who walks into one or reports in one is told, with or
// without network, and a patrol of it is noted by one tap.

import { ask } from "./asking.js";
import { button, find, icon, make, said, say, t } from "./dom.js";
import { distance, latest, listen, within } from "./where.js";

const { add } = globalThis.webgisOutbox;

const VAGUE_M = 100;
const FAR_M = 1500;

let zones = [];
let inside = null;
let asked = null;
let send = () => {};
let mine = () => null;

export async function load() {
  const place = latest();
  asked = place;
  const query = place ? `?lon=${place.lon}&lat=${place.lat}` : "";
  const answer = await ask(`/inspect/works${query}`, "works").catch(() => null);
  if (!answer) return;
  zones = answer.told.zones;
  if (place) walked(place);
}

// The day of the phone; zones that are ahead are on the phone already.
function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

export const all = () => zones;

// The zone with works today that holds a place, or undefined.
export function at(place) {
  const day = today();
  return zones.find(({ geometry, first_day: first, last_day: last }) => first <= day && (!last || day <= last)
    && geometry.coordinates.some((rings) => within({ coordinates: rings }, place)));
}

// What is said of a zone: its name, phase, contractor.
export function words(zone) {
  const parts = [zone.phase && t(`phase_${zone.phase}`), zone.contractor].filter(Boolean);
  return make("div", {}, make("b", {}, t("works_here", { name: said(zone.name) })), make("small", { class: "block" }, parts.join(" · ")));
}

// The sign of a place in a report.
export function sign(box, place) {
  const zone = place && at(place);
  box.hidden = !zone;
  box.replaceChildren(...(zone ? [icon("traffic-cone"), words(zone)] : []));
}

function walked(place) {
  if (place.accuracy > VAGUE_M) return;
  const zone = at(place);
  if (zone && zone.code !== inside?.code) {
    say(t("works_entered", { name: said(zone.name) }));
    navigator.vibrate?.(200);
  }
  inside = zone || null;
  draw();
}

export function draw() {
  const box = find("works-here");
  box.hidden = !inside;
  box.replaceChildren(...(inside ? [make("div", {}, icon("traffic-cone"), words(inside)), button("btn-wide", "check", t("patrol_do"), () => patrol(inside))] : []));
}

async function patrol(zone) {
  const { lon, lat, accuracy } = latest();
  await add({ kind: "patrol", person: mine().id, meta: { zone: zone.code, at: new Date().toISOString(), lon, lat, accuracy_m: accuracy }, title: { zh: `${t("patrol")}：${zone.name.zh}`, en: `${t("patrol")}: ${said(zone.name)}` } });
  say(t("patrol_done"));
  send();
}

export function begin({ sent, person }) {
  [send, mine] = [sent, person];
  listen((place) => {
    walked(place);
    if (mine() && (!asked || distance(asked, place) > FAR_M)) load();
  });
}
