// The inspector's phone: which view is shown, who is logged in, and when the outbox is emptied.

import { asPerson } from "./asking.js";
import * as beat from "./beat.js";
import * as classes from "./classes.js";
import { banner, find, icon, make, t } from "./dom.js";
import * as home from "./home.js";
import { dress } from "./looks.js";
import * as me from "./me.js";
import * as report from "./report.js";
import * as shift from "./shift.js";
import * as tasks from "./tasks.js";
import * as works from "./works.js";

const outbox = globalThis.webgisOutbox;
const AGAIN_MS = 30_000;
const INSIST = 10;
const TASKS_MS = 60_000;
const TAKING = ["shoot", "album"];

let logged = null;
const person = () => logged?.person || null;

// ---- views

const VIEWS = {
  home: () => drawHome(),
  report: () => report.open(),
  tasks: () => {
    tasks.list();
    return tasks.load().then(tasks.list);
  },
  task: (number) => tasks.show(number),
  beat: () => beat.show(),
  me: () => me.draw(logged),
};

function show() {
  const [name, rest] = window.location.hash.slice(1).split("/");
  const view = VIEWS[name] ? name : "home";
  for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== view;
  const tab = { report: "home", task: "tasks" }[view] || view;
  for (const link of document.querySelectorAll("[data-tab]")) {
    if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  find("title").textContent = t(`title_${view}`);
  window.scrollTo(0, 0);
  document.getElementById("content").focus({ preventScroll: true });
  VIEWS[view](rest);
}

async function drawHome() {
  await home.draw(person()?.id, send);
  const waits = await report.waiting();
  const box = find("draft");
  box.hidden = !waits;
  box.replaceChildren(...(waits ? [make("a", { class: "btn btn-wide btn-chosen", href: "#report" }, icon("pencil"), make("span", {}, t("draft")))] : []));
}

// ---- the outbox

async function marks() {
  const { waiting, refused } = await home.counts(person()?.id);
  const pill = find("queue-pill");
  pill.hidden = !waiting && !refused;
  pill.classList.toggle("pill-bad", refused > 0);
  pill.querySelector("span").textContent = refused ? t("refused_n", { n: refused }) : t("waiting_n", { n: waiting });
  if (!document.querySelector('[data-view="home"]').hidden) await home.draw(person()?.id, send);
}

const TOLD = { offline: () => offline(true), later: () => away(), empty: () => offline(false), login: () => login() };

async function send(insist = false) {
  const sync = (await navigator.serviceWorker?.getRegistration("/inspect"))?.sync;
  sync?.register("outbox").catch(() => {});
  TOLD[await outbox.send(insist)]();
}

function offline(is) {
  find("offline-pill").hidden = !is;
  if (is) return;
  banner("login", null);
  banner("server", null);
}

const away = () => banner("server", t("server_away"));

function login() {
  banner("login", t("logged_out"), make("a", { class: "btn btn-small btn-main", href: "/login?next=/inspect" }, t("log_in")));
}

// ---- who is here

// The one who is logged in; without network the one who was last.
async function arrive() {
  const answer = await outbox.who();
  if (answer === 401) return window.location.assign("/login?next=/inspect");
  if (answer === 403) return banner("role", t("not_inspector"), make("a", { class: "btn btn-small", href: "/" }, t("to_start")));
  banner("server", typeof answer === "number" ? t("server_away") : null);
  const told = answer && typeof answer === "object" ? answer : null;
  offline(answer === null);
  if (!told && !logged) return banner("first", t("first_visit"));
  if (told && told.person.id !== person()?.id) await welcome(told);
  send();
  return Promise.allSettled([classes.load(), beat.load(), tasks.load(), works.load(), shift.resume(told ? told.shift : undefined)]);
}

async function welcome(known) {
  logged = known;
  await asPerson(known.person.id);
  await Promise.all([classes.recall(), tasks.recall()]);
  await marks();
  show();
  taken();
}

// Photos that were taken before it is known whose they are wait in their field until then.
async function taken() {
  for (const name of logged ? TAKING : []) {
    const input = find(name);
    const files = [...input.files];
    input.value = "";
    if (files.length) await report.begun(files, name === "shoot");
  }
}

function install() {
  if (!window.isSecureContext || !("serviceWorker" in navigator)) {
    banner("insecure", t("insecure"), make("a", { class: "btn btn-small", href: "/inspect/install" }, t("install_how")));
    return;
  }
  const before = Boolean(navigator.serviceWorker.controller);
  navigator.serviceWorker.register("/inspect/sw.js", { scope: "/inspect" });
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (before) banner("new", t("new_version"), make("button", { class: "btn btn-small", type: "button", onclick: () => window.location.reload() }, t("reload")));
  });
  navigator.storage?.persist?.();
}

dress();
report.begin({ sent: send, person, beatOf: beat.known });
tasks.begin({ sent: send, person });
shift.begin({ sent: send, person });
beat.begin();
works.begin({ sent: send, person });
for (const name of TAKING) find(name).addEventListener("change", taken);
outbox.listen(marks);
window.addEventListener("hashchange", show);
window.addEventListener("online", () => send());
window.addEventListener("offline", () => offline(true));
document.addEventListener("visibilitychange", () => { if (!document.hidden && logged) send(); });
let turns = 0;
setInterval(async () => {
  if (document.hidden || !logged) return;
  turns += 1;
  if ((await home.counts(person().id)).waiting) await send(turns % INSIST === 0);
}, AGAIN_MS);
setInterval(() => {
  if (document.hidden || !logged || !navigator.onLine) return;
  tasks.load().then(() => window.location.hash === "#tasks" && tasks.list());
}, TASKS_MS);
install();
await me.remember();
// With a network that does not answer, the app is there all the same: with who was here last.
const last = await outbox.kept("me");
if (last) await welcome(last);
else show();
await arrive();
await marks();
document.documentElement.dataset.ready = "yes";
