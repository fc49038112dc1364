// A report: photos first, then where and what. What is being written is kept on the phone at each change, and goes into
// the outbox when it is sent, with or without network.

import { ask, fetched } from "./asking.js";
import * as classes from "./classes.js";
import { ask as question, config, find, icon, make, metres, said, say, t, when } from "./dom.js";
import { circle, CLOSE, ground, nameOf, pin } from "./ground.js";
import { photo } from "./photo.js";
import { position, within } from "./where.js";
import * as works from "./works.js";

const { add, forget, keep, kept, one, put } = globalThis.webgisOutbox;
const view = document.querySelector('[data-view="report"]');
const part = (name) => find(name, view);

const TYPING_MS = 400;

let draft = null;
let soon = 0;
let map = null;
let marks = [];
let asked = 0;
let send = () => {};
let mine = () => null;
let beat = () => null;

// `sent()` is called when something went into the outbox, `person()` and `beatOf()` tell who and which cells are known.
export function begin({ sent, person, beatOf }) {
  [send, mine, beat] = [sent, person, beatOf];
  part("locate").addEventListener("click", () => locate());
  part("choose").addEventListener("click", async () => choose(await classes.pick()));
  part("send").addEventListener("click", () => finish());
  part("discard").addEventListener("click", discard);
  part("address").addEventListener("input", () => typed({ address: part("address").value, typed: true }));
  part("description").addEventListener("input", () => typed({ description: part("description").value }));
}

const key = () => `draft:${mine()?.id}`;
export const waiting = () => kept(key());

async function change(values, draw = true) {
  clearTimeout(soon);
  Object.assign(draft, values);
  if (draw) show();
  await keep(key(), draft).catch(() => say(t("not_kept")));
}

// Of what is typed not every letter is kept by itself.
function typed(values) {
  Object.assign(draft, values);
  clearTimeout(soon);
  soon = setTimeout(() => change({}, false), TYPING_MS);
}

// A new report with these files. One that was begun is not mixed with it unseen.
export async function begun(files, camera) {
  draft ??= await waiting();
  if (draft && !draft.seq) {
    const what = await question(t("draft_title"), t("draft_text"), [["more", t("draft_more"), "btn-main"], ["new", t("draft_new")]]);
    if (!what) return;
    if (what === "new") await close();
  } else if (draft) await close();
  await take(files, camera);
}

// Photos for the report that is being written.
async function take(files, camera) {
  draft ??= { photos: [], description: "", address: "" };
  window.location.hash = "#report";
  const here = camera ? await position({ timeout: 4000 }).catch(() => null) : null;
  for (const file of files) {
    if (draft.photos.length >= config.most_photos) say(t("most_photos", { n: config.most_photos }));
    else {
      try {
        draft.photos.push(await photo(file, camera, here));
      } catch {
        say(t("no_photo"));
      }
    }
  }
  await change({ photos: draft.photos });
  if (!draft.place) await locate(true);
}

export async function open() {
  draft ??= await waiting();
  if (!draft) {
    window.location.hash = "#home";
    return;
  }
  show();
  map ? map.invalidateSize() : drawMap();
  if (!draft.place) await locate(true);
}

// Takes up a report that was refused.
export async function mend(seq) {
  const item = await one(seq);
  draft = { ...item.form, photos: item.photos.map((blob, place) => ({ blob, shot: item.form.shots[place] })), seq, reason: item.reason };
  await change({}, false);
  window.location.hash = "#report";
}

// ---- place

function drawMap() {
  map = ground(part("map"), draft.place);
  map.on("click", ({ latlng }) => {
    put_({ lon: latlng.lng, lat: latlng.lat, accuracy: null });
    if (map.getZoom() < CLOSE - 1) map.setView(latlng, CLOSE);
  });
  drawPlace();
}

async function locate(quiet = false) {
  const button = part("locate");
  button.setAttribute("aria-busy", "true");
  try {
    const { lon, lat, accuracy } = await position();
    if (draft) await put_({ lon, lat, accuracy });
    map?.setView([lat, lon], CLOSE, { animate: false });
  } catch {
    if (!quiet || !draft?.place) tell("", t(window.isSecureContext ? "no_position" : "no_position_http"), "bad");
  }
  button.removeAttribute("aria-busy");
}

async function put_(place) {
  error("lon", "");
  await change({ place, component: null, alike: null });
  if (!draft) return;
  drawPlace();
  await Promise.all([lookUp(place), components(), alike()]);
}

function drawPlace() {
  works.sign(part("works"), draft?.place);
  if (!map) return;
  marks.forEach((mark) => mark.remove());
  marks = [];
  const { place } = draft;
  if (!place) return;
  if (place.accuracy) marks.push(circle(place, place.accuracy).addTo(map));
  const made = pin(place, t("pin"));
  made.on("dragend", () => {
    const { lat, lng } = made.getLatLng();
    put_({ lon: lng, lat, accuracy: null });
  });
  marks.push(made.addTo(map));
}

function tell(code, text, tone) {
  part("cell-code").textContent = code;
  part("cell-areas").textContent = text;
  part("cell").dataset.tone = tone || "";
}

const accurate = (place) => (place.accuracy ? ` · ${t("accurate", { m: Math.round(place.accuracy) })}` : "");

// The cell, its areas and an address: from the server; without network the cell of the beat that is on the phone.
async function lookUp(place) {
  const turn = (asked += 1);
  const known = beat()?.cells.find((cell) => within(cell.geometry, place));
  tell(known ? known.code : "", (known ? said(beat().name) : t("looking")) + accurate(place));
  try {
    const near = await fetched(`/api/v1/places/near?lon=${place.lon}&lat=${place.lat}&limit=3`);
    if (turn !== asked || !draft) return;
    if (!near.cell) {
      tell("", t("outside"), "bad");
      return;
    }
    tell(near.cell, near.areas.map(nameOf).join(" › ") + accurate(place), "good");
    if (!draft.typed) {
      part("address").value = said(near.address) || said(near.words);
      await change({ address: part("address").value }, false);
    }
  } catch {
    if (turn === asked && !known && draft) tell("", t("cell_later") + accurate(place));
  }
}

// ---- what

function choose(chosen) {
  if (!chosen) return;
  classes.remember(chosen.key);
  error("class", "");
  change({ subject: chosen.key, component: null, alike: null });
  components();
  alike();
}

// Registered components around the place: of the chosen class, or of any to begin with.
async function components() {
  const box = part("components");
  const { place, subject } = draft;
  const chosen = subject && classes.get(subject);
  box.replaceChildren();
  if (!place || (chosen && chosen.kind !== "component")) return;
  const wanted = chosen ? `&class=${chosen.code}&limit=5` : "&limit=3";
  const near = await fetched(`/api/v1/components/near?lon=${place.lon}&lat=${place.lat}${wanted}`).catch(() => null);
  if (!near || !near.features.length || draft?.place !== place || draft.subject !== subject) return;
  const rows = near.features.map(({ properties: facts }) => {
    const row = make("button", { class: "option", type: "button", "aria-pressed": String(draft.component === facts.code), "data-component": facts.code }, make("b", {}, said({ zh: facts.name || facts.class_zh, en: facts.class_en })), make("span", { class: "num" }, `…${facts.code.slice(-6)} · ${metres(facts.distance_m)}`));
    row.addEventListener("click", async () => {
      const off = draft.component === facts.code;
      const taken = `component:${facts.class}`;
      if (!off) classes.remember(taken);
      await change({ component: off ? null : facts.code, subject: off ? subject : taken, alike: null });
      if (draft.subject !== subject) await components();
      else for (const other of box.querySelectorAll(".option")) other.setAttribute("aria-pressed", String(other.dataset.component === draft.component));
      alike();
    });
    return row;
  });
  box.replaceChildren(make("h4", {}, t("near_components")), make("div", { class: "options" }, ...rows));
}

// ---- is it reported already?

async function alike() {
  const { place, subject } = draft;
  if (!place || !subject || draft.seq) return;
  const [kind, code] = subject.split(":");
  const found = await fetched(`/inspect/alike?${new URLSearchParams({ lon: place.lon, lat: place.lat, kind, class: code, description: words() })}`).catch(() => null);
  if (!found || draft?.place !== place || draft.subject !== subject) return;
  draft.alike = found.alike.length ? { cases: found.alike, answered: false } : null;
  showAlike();
}

function alikeCase(facts, join) {
  const picture = facts.thumbnail ? make("img", { src: facts.thumbnail, alt: "", loading: "lazy", width: 72, height: 72 }) : "";
  return make("li", { class: "alike-case" }, picture,
    make("div", {}, make("b", {}, said(facts.class)), make("p", {}, facts.description), make("small", { class: "num" }, `${metres(facts.metres)} · ${when(facts.reported_at)} · ${facts.number}`)),
    make("button", { class: "btn btn-wide", type: "button", onclick: () => join(facts.number) }, icon("users"), make("span", {}, t("join"))));
}

function showAlike() {
  const box = part("alike");
  box.replaceChildren();
  const { alike: found } = draft;
  if (!found || found.answered) return;
  const other = make("button", { class: "btn btn-wide", type: "button", "data-other": true, onclick: () => {
    draft.alike.answered = true;
    showAlike();
  } }, icon("plus"), make("span", {}, t("another")));
  box.append(make("div", { class: "notice notice-warn" }, make("h3", {}, icon("copy"), t("alike")), make("ul", { class: "list" }, ...found.cases.map((one_) => alikeCase(one_, joined))), other));
}

async function joined(number) {
  if (!draft.photos.length) return error("photos", t("need_photo"));
  const { lon, lat } = draft.place;
  await out("join", { number, lon, lat, crs: "wgs84", description: words(), shots: shots(), seen_at: new Date().toISOString() });
  return undefined;
}

// ---- the page

function show() {
  const reason = part("reason");
  reason.hidden = !draft.reason;
  reason.textContent = draft.reason ? said(draft.reason.said) || t("refused") : "";
  for (const [name, told] of Object.entries(draft.reason?.fields || {})) error(name, said(told));
  if (draft.reason?.candidates?.length) draft.alike ??= { cases: draft.reason.candidates, answered: false };
  strip();
  const chosen = draft.subject && classes.get(draft.subject);
  find("choose", view).querySelector("span").textContent = chosen ? `${said(chosen.name)} · ${chosen.code}` : t("choose_class");
  find("choose", view).classList.toggle("btn-chosen", Boolean(chosen));
  part("recent").replaceChildren(...classes.recent().map((one_) => make("button", { class: "chip", type: "button", "aria-pressed": String(one_.key === draft.subject), onclick: () => choose(one_) }, said(one_.name))));
  if (document.activeElement !== part("address")) part("address").value = draft.address || "";
  if (document.activeElement !== part("description")) part("description").value = draft.description || "";
  if (draft.place && !part("cell-code").textContent && !part("cell-areas").textContent) lookUp(draft.place);
  showAlike();
}

const addresses = new WeakMap();

function strip() {
  const pictures = draft.photos.map((taken) => {
    if (!addresses.has(taken)) addresses.set(taken, URL.createObjectURL(taken.blob));
    const remove = make("button", { class: "remove", type: "button", "aria-label": t("remove_photo"), onclick: () => change({ photos: draft.photos.filter((other) => other !== taken) }) }, icon("x"));
    return make("li", {}, make("img", { src: addresses.get(taken), alt: t("photo") }), remove);
  });
  const more = (name, word, about) => {
    const input = make("input", { class: "visually-hidden", type: "file", accept: "image/*", ...about, "aria-label": word });
    input.addEventListener("change", () => take([...input.files], Boolean(about.capture)));
    return make("li", {}, make("label", { class: "more" }, icon(name), make("span", {}, word), input));
  };
  part("strip").replaceChildren(...pictures, more("camera", t("take"), { capture: "environment" }), more("photo", t("album"), { multiple: true }));
  if (pictures.length) error("photos", "");
}

function error(field, text) {
  const box = view.querySelector(`[data-error="${field}"]`);
  if (box) box.replaceChildren(...(text ? [icon("alert-circle"), make("span", {}, text)] : []));
}

const shots = () => draft.photos.map((taken) => taken.shot);

// What is said when nothing was typed: the name of the class.
function words() {
  const chosen = draft.subject && classes.get(draft.subject);
  return part("description").value.trim() || (chosen ? chosen.name.zh : "");
}

async function finish() {
  const missing = { photos: !draft.photos.length && t("need_photo"), lon: !draft.place && t("need_place"), class: !draft.subject && t("need_class") };
  for (const [field, text] of Object.entries(missing)) error(field, text || "");
  const first = Object.keys(missing).find((field) => missing[field]);
  if (first) return view.querySelector(`[data-error="${first}"]`).scrollIntoView({ block: "center" });
  if (draft.alike && !draft.alike.answered) return part("alike").scrollIntoView({ block: "center" });
  const [kind, code] = draft.subject.split(":");
  const { place } = draft;
  const meta = {
    lon: place.lon, lat: place.lat, crs: "wgs84", kind, class: code, description: words(), address: draft.address || undefined,
    accuracy_m: place.accuracy ?? undefined, component: draft.component || undefined, shots: shots(), seen_at: draft.seen_at || new Date().toISOString(),
    acknowledged: draft.alike?.answered ? "yes" : undefined,
  };
  return out("report", meta);
}

// Into the outbox: only when it is on disc is the draft let go.
async function out(kind, meta) {
  const chosen = classes.get(draft.subject);
  const { seq, reason, alike: found, photos, ...form } = draft;
  const item = { kind, meta, person: mine().id, photos: photos.map((taken) => taken.blob), title: chosen.name, place: draft.address, form: { ...form, shots: meta.shots, seen_at: meta.seen_at } };
  try {
    if (seq) await put({ ...(await one(seq)), ...item, state: "waiting", reason: null });
    else await add(item);
  } catch {
    say(t("not_kept"));
    return;
  }
  await close();
  send();
}

async function close() {
  clearTimeout(soon);
  await forget(key());
  draft = null;
  map?.remove();
  map = null;
  marks = [];
  tell("", "");
  for (const field of ["photos", "lon", "class", "description"]) error(field, "");
  part("components").replaceChildren();
  part("alike").replaceChildren();
  window.location.hash = "#home";
}

async function discard() {
  const sure = await question(t("discard_title"), t(draft.seq ? "discard_mended" : "discard_text"), [["yes", t("discard"), "btn-bad"], ["", t("keep_writing")]]);
  if (sure === "yes") await close();
}
