// The shift: checked in and out by the person, who is told before what is recorded. Only in between the phone is asked
// where it is; points wait on the phone and go out in batches through the outbox.

import { ask, button, config, find, icon, make, say, span, t, when } from "./dom.js";
import { full, pace, worth } from "./pace.js";
import { distance, position } from "./where.js";

const { add, all, forget, keep, kept } = globalThis.webgisOutbox;

let shift = null;
let points = [];
let timer = 0;
let last = null;
let movedAt = 0;
let send = () => {};
let mine = () => null;
const listeners = new Set();

export function begin({ sent, person }) {
  [send, mine] = [sent, person];
}

export const running = () => shift;
export const trail = () => points;
export const listen = (listener) => listeners.add(listener);

const name = () => `shift:${mine().id}`;

// Goes on with the shift that was begun on this phone. One that was begun on another is shown, and can be ended, but this
// one records nothing. `known` is what the server knows of: undefined without network.
export async function resume(known) {
  let here = await kept(name());
  if (here && known !== undefined && known?.key !== here.key && !(await unsent(here.key))) {
    await forget(name()); // it has ended: elsewhere, or because nothing was heard of it
    here = null;
  }
  shift = here || (known ? { key: known.key, began: Date.parse(known.began_at), elsewhere: true } : null);
  points = here?.points || [];
  if (here) follow();
  draw();
}

const unsent = async (key) => (await all()).some((item) => item.kind === "check_in" && item.state !== "done" && item.meta.shift === key);

async function checkIn() {
  const agreed = await ask(t("check_in"), [t("track_what"), t("track_who"), t("track_long", { n: config.track_days })], [["yes", t("check_in"), "btn-main"], ["", t("not_now")]]);
  if (agreed !== "yes") return;
  shift = { key: crypto.randomUUID(), began: Date.now(), points: [] };
  points = [];
  await add({ kind: "check_in", person: mine().id, meta: { shift: shift.key, at: new Date(shift.began).toISOString() }, title: { zh: "签到", en: "Check-in" } });
  await keep(name(), shift);
  last = null;
  send();
  follow();
  draw();
}

async function checkOut() {
  if ((await ask(t("check_out"), t("check_out_text"), [["yes", t("check_out"), "btn-main"], ["", t("not_now")]])) !== "yes") return;
  clearTimeout(timer);
  await flush();
  await add({ kind: "check_out", person: mine().id, meta: { shift: shift.key, at: new Date().toISOString() }, title: { zh: "签退", en: "Check-out" } });
  await forget(name());
  shift = null;
  send();
  draw();
}

// Logged out in the middle of a shift: what was recorded is kept for when they come back.
async function flush() {
  if (!points.length) return;
  const [batch, key] = [points, shift.key];
  await add({ kind: "track", person: mine().id, meta: { shift: key, points: batch } });
  points = [];
  await keep(name(), { ...shift, points });
  send();
}

async function look(exact) {
  try {
    const here = await position({ exact, fresh: exact ? 10_000 : 60_000, timeout: 20_000 });
    const moved = last ? distance(last, here) : 0;
    if (!shift || !worth(last, here, moved)) return;
    if (!last || moved > 0) movedAt = Date.now();
    last = here;
    points.push({ at: new Date(Math.max(here.at, shift.began)).toISOString(), lon: here.lon, lat: here.lat, accuracy_m: here.accuracy });
    await keep(name(), { ...shift, points });
    if (full(points, Date.now())) await flush();
    for (const listener of listeners) listener(here);
  } catch {
    say(t(window.isSecureContext ? "track_no_position" : "no_position_http"));
  }
}

function follow() {
  clearTimeout(timer);
  const of = shift;
  const turn = async (exact) => {
    await look(exact);
    if (shift !== of && shift?.key !== of?.key) return;
    if (!shift) return;
    const { seconds, exact: next } = pace(movedAt, Date.now());
    timer = setTimeout(turn, seconds * 1000, next);
    draw();
  };
  movedAt = Date.now();
  turn(true);
}

export function draw() {
  const box = find("shift");
  const pill = find("shift-pill");
  pill.hidden = !shift;
  if (shift) pill.querySelector("span").textContent = span(Date.now() - shift.began);
  box.dataset.on = String(Boolean(shift));
  box.replaceChildren(
    make("div", {}, icon(shift ? "route" : "clock"), make("div", {}, make("b", {}, t(shift ? "on_shift" : "off_shift")), make("small", {}, shift ? t(shift.elsewhere ? "since_elsewhere" : "since", { time: when(shift.began) }) : t("off_shift_text")))),
    button(shift ? "" : "btn-main", shift ? "logout" : "login", t(shift ? "check_out" : "check_in"), shift ? checkOut : checkIn));
}
