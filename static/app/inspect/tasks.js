// Tasks: cases to confirm or verify on the spot. The most urgent first, of equally urgent ones the nearest; with the way
// there. An answer goes into the outbox like a report.

import { ask as asked, before } from "./asking.js";
import { config, find, icon, make, metres, said, say, span, t, when } from "./dom.js";
import { photo } from "./photo.js";
import { bearing, direction, distance, latest, listen, position, wayTo } from "./where.js";

const { add, all, one, put } = globalThis.webgisOutbox;
const ADDRESS = "/inspect/tasks";
const URGENCY = { red: 0, amber: 1, green: 2 };
const LIGHTS = { red: ["alert-circle", "overdue"], amber: ["clock-exclamation", "due_soon"], green: ["clock-check", "in_time"] };
const RESULTS = { confirm: [["found", "circle-check"], ["not_found", "x"]], verify: [["pass", "circle-check"], ["fail", "x"]] };

let tasks = [];
let told = 0;
let form = null;
let send = () => {};
let mine = () => null;

export function begin({ sent, person }) {
  [send, mine] = [sent, person];
  listen(() => { if (window.location.hash === "#tasks") list(); });
  find("answer").addEventListener("submit", answer);
}

// What was answered and waits, was refused, or has arrived since the tasks were told, is no task any more.
async function answered() {
  const gone = (await all()).filter((item) => item.kind === "step" && (item.state !== "done" || Date.parse(item.done_at) > told));
  return new Set(gone.map((item) => item.meta.number || item.number));
}

// What is on the phone; then what the server has now.
export const recall = async () => take(await before(ADDRESS));
export const load = async () => take(await asked(ADDRESS).catch(() => null));

function take(answer_) {
  if (!answer_) return count();
  tasks = answer_.told.tasks;
  told = answer_.at;
  find("tasks-age").textContent = answer_.fresh === false ? t("as_of", { time: when(told) }) : "";
  if (answer_.fresh) keepPictures();
  return count();
}

async function count() {
  const gone = await answered();
  tasks = tasks.filter((task) => !gone.has(task.number));
  find("task-count").hidden = tasks.length === 0;
  find("task-count").textContent = tasks.length;
}

// Thumbnails for when there is no network; the service worker shows them.
async function keepPictures() {
  if (!("caches" in window)) return;
  const cache = await caches.open(config.photos);
  const wanted = new Set(tasks.flatMap((task) => task.photos.map((one_) => one_.thumbnail)));
  for (const request of await cache.keys()) if (!wanted.has(new URL(request.url).pathname)) await cache.delete(request);
  for (const address of wanted) if (!(await cache.match(address))) await cache.add(address).catch(() => {});
}

const left = (task) => new Date(task.due) - Date.now();

function light(task) {
  if (left(task) < 0) return "red";
  return left(task) < task.limit_s * 200 ? "amber" : "green"; // a fifth of the limit, in milliseconds
}

function sorted() {
  const here = latest();
  const far = (task) => (here ? distance(here, task) : 0);
  return [...tasks].sort((a, b) => URGENCY[light(a)] - URGENCY[light(b)] || far(a) - far(b) || left(a) - left(b));
}

function lamp(task) {
  const colour = light(task);
  const [sign, word] = LIGHTS[colour];
  return make("span", { class: `lamp lamp-${colour}` }, icon(sign), make("b", {}, t(word)), make("span", {}, t(left(task) < 0 ? "over" : "left", { time: span(left(task)) })));
}

function way(task) {
  const here = latest();
  if (!here) return "";
  const degrees = bearing(here, task);
  const arrow = make("span", { class: "arrow" }, icon("navigation"));
  arrow.style.transform = `rotate(${degrees - (here.heading ?? 0)}deg)`;
  return make("span", { class: "way" }, arrow, make("span", { class: "num" }, `${metres(distance(here, task))} · ${direction(degrees)}`));
}

export function list() {
  const rows = sorted().map((task) => make("li", {}, make("a", { class: "item task", href: `#task/${task.number}`, "data-number": task.number },
    task.photos.length ? make("img", { src: task.photos[0].thumbnail, alt: "", width: 72, height: 72, loading: "lazy" }) : icon("photo-off"),
    make("div", {}, make("span", { class: "do" }, t(task.action)), make("b", {}, said(task.class)), make("small", {}, task.address || said(task.area)), lamp(task), way(task)))));
  find("tasks").replaceChildren(...(rows.length ? rows : [make("li", { class: "empty" }, icon("circle-check"), make("span", {}, t("no_tasks")))]));
}

// ---- one task

export async function show(number) {
  const task = tasks.find((other) => other.number === number);
  if (!task) {
    window.location.hash = "#tasks";
    return;
  }
  if (form?.number !== number) form = { number, photos: [], result: null, note: "", reason: "", seq: null, told: null };
  const pictures = task.photos.map((one_) => make("li", {}, make("a", { href: one_.url }, make("img", { src: one_.thumbnail, alt: t(one_.after ? "after" : "before") }), make("small", {}, t(one_.after ? "after" : "before")))));
  const sheet = [
    make("div", { class: "card" }, make("span", { class: "do" }, t(task.action)), make("h3", {}, said(task.class)), lamp(task),
      make("p", { class: "words" }, task.description), task.note ? make("p", { class: "words" }, make("b", {}, `${t("asked")} `), task.note) : "",
      make("p", { class: "quiet num" }, `${task.address || said(task.area)} · ${task.cell}`), pictures.length ? make("ul", { class: "strip" }, ...pictures) : "",
      make("div", { class: "row-actions" }, way(task), make("a", { class: "btn btn-wide", href: wayTo(task, said(task.class)), "data-way": true }, icon("route"), make("span", {}, t("way")))),
      make("a", { class: "quiet num", href: `/cases/${task.number}` }, task.number)),
  ];
  find("task").replaceChildren(...sheet);
  draw(task);
  position().then(() => draw(task), () => draw(task));
}

function draw(task) {
  if (form?.number !== task.number) return;
  const here = latest();
  const far = here && distance(here, task) > config.tolerance_m + Math.min(here.accuracy || 0, 50) + Math.min(task.accuracy_m || 0, 50);
  const pick = RESULTS[task.action].map(([value, sign]) => make("button", { class: `btn btn-tall result result-${value}`, type: "button", "data-result": value, "aria-pressed": String(form.result === value), onclick: () => keepForm({ result: value }, task) }, icon(sign), make("span", {}, t(value))));
  const input = make("input", { class: "visually-hidden", type: "file", accept: "image/*", capture: "environment", "data-answer-photo": true, onchange: async (event) => shoot([...event.target.files], task) });
  const pictures = form.photos.map((taken) => make("li", {}, make("img", { src: address(taken), alt: t("photo") }), make("button", { class: "remove", type: "button", "aria-label": t("remove_photo"), onclick: () => keepForm({ photos: form.photos.filter((other) => other !== taken) }, task) }, icon("x"))));
  find("answer").replaceChildren(
    form.told ? make("div", { class: "notice notice-bad" }, form.told) : "",
    make("h3", {}, t("what_is_so")), make("div", { class: "pair" }, ...pick),
    make("ul", { class: "strip" }, ...pictures, make("li", {}, make("label", { class: "more" }, icon("camera"), make("span", {}, t("take")), input))),
    field("note", t("note"), task),
    far ? make("p", { class: "notice notice-warn" }, t("away", { m: metres(distance(here, task)) })) : "",
    far || form.reason ? field("reason", t("reason"), task) : "",
    make("div", { class: "error", "data-error": "answer", role: "alert" }),
    make("div", { class: "actions" }, make("a", { class: "btn", href: "#tasks" }, icon("chevron-left"), make("span", {}, t("back"))), make("button", { class: "btn btn-main", type: "submit" }, icon("send"), make("span", {}, t("send")))));
}

function field(name, word, task) {
  const input = make("textarea", { class: "input", rows: 2, maxlength: 2000, id: `answer-${name}`, oninput: () => { form[name] = input.value; } });
  input.value = form[name];
  return make("div", { class: "field" }, make("label", { for: input.id }, word), input);
}

const addresses = new WeakMap();

function address(taken) {
  if (!addresses.has(taken)) addresses.set(taken, URL.createObjectURL(taken.blob));
  return addresses.get(taken);
}

function keepForm(values, task) {
  Object.assign(form, values);
  draw(task);
}

async function shoot(files, task) {
  const here = await position({ timeout: 4000 }).catch(() => null);
  for (const file of files) {
    try {
      form.photos.push(await photo(file, true, here));
    } catch {
      say(t("no_photo"));
    }
  }
  draw(task);
}

function wrong(text) {
  find("answer").querySelector("[data-error]").replaceChildren(icon("alert-circle"), make("span", {}, text));
}

async function answer(event) {
  event.preventDefault();
  const task = tasks.find((other) => other.number === form.number);
  if (!form.result) return wrong(t("need_result"));
  if (form.result === "found" && !form.photos.length) return wrong(t("need_photo"));
  if (!form.photos.length && !form.note.trim() && form.result !== "pass") return wrong(t("need_note"));
  const here = await position().catch(() => latest());
  if (!here && task.action === "confirm") return wrong(t(window.isSecureContext ? "no_position_here" : "no_position_http"));
  const place = here ? { lon: here.lon, lat: here.lat, crs: "wgs84", accuracy_m: here.accuracy } : {};
  const meta = { number: form.number, action: task.action, result: form.result, note: form.note.trim() || undefined, reason: form.reason.trim() || undefined, ...place, shots: form.photos.map((taken) => taken.shot) };
  const item = { kind: "step", meta, person: mine().id, photos: form.photos.map((taken) => taken.blob), title: task.class, place: `${t(task.action)}: ${t(form.result)}`, form: { task, shots: meta.shots } };
  try {
    if (form.seq) await put({ ...(await one(form.seq)), ...item, state: "waiting", reason: null });
    else await add(item);
  } catch {
    return say(t("not_kept"));
  }
  form = null;
  await count();
  window.location.hash = "#tasks";
  send();
  return undefined;
}

// Takes up an answer that was refused.
export async function mendAnswer(seq) {
  const item = await one(seq);
  const { task, shots } = item.form;
  if (!tasks.some((other) => other.number === task.number)) tasks.push(task);
  form = { number: task.number, seq, result: item.meta.result, note: item.meta.note || "", reason: item.meta.reason || " ", photos: item.photos.map((blob, place) => ({ blob, shot: shots[place] })), told: said(item.reason?.said) };
  window.location.hash = `#task/${task.number}`;
}
