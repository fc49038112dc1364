// What was sent and what waits on this phone: each with how it stands; what was refused can be mended.

import { ask, find, icon, make, said, t, when } from "./dom.js";
import { mend } from "./report.js";
import { mendAnswer } from "./tasks.js";

const { all, put, remove } = globalThis.webgisOutbox;
const SHOWN = new Set(["report", "join", "step", "patrol"]);
const STATES = { waiting: ["cloud-upload", "waiting"], refused: ["alert-circle", "refused"], done: ["circle-check", "done"] };

// How many wait and were refused, for the marks of the header. Tracks go by themselves and are not counted.
export async function counts(person) {
  const mine = (await all()).filter((item) => item.person === person);
  const count = (state) => mine.filter((item) => item.state === state && item.kind !== "track").length;
  return { waiting: count("waiting"), refused: count("refused") };
}

export async function draw(person, send) {
  const items = await all();
  const mine = items.filter((item) => item.person === person && (SHOWN.has(item.kind) || item.state === "refused") && !(item.kind === "track" && item.state !== "refused"));
  const others = items.filter((item) => item.person !== person && item.state !== "done" && item.kind !== "track").length;
  const rows = mine.reverse().map((item) => row(item, send));
  if (others) rows.unshift(make("li", { class: "item" }, icon("lock"), make("div", {}, t("of_others", { n: others }))));
  find("items").replaceChildren(...(rows.length ? rows : [make("li", { class: "empty" }, icon("inbox"), make("span", {}, t("nothing_sent")))]));
}

function row(item, send) {
  const [sign, word] = STATES[item.state];
  const told = make("div", {},
    make("b", {}, said(item.title) || t(item.kind)),
    make("span", { class: `state state-${item.state}` }, icon(sign), make("span", {}, `${t(word)} · ${when(item.done_at || item.made_at)}`)),
    item.place ? make("small", {}, item.place) : "",
    item.state === "refused" ? make("p", { class: "why" }, said(item.reason?.said) || t("refused_status", { n: item.reason?.status })) : "");
  const made = make("li", { class: "item", "data-state": item.state, "data-kind": item.kind }, picture(item), told);
  if (item.number) told.append(make("a", { class: "num", href: `/cases/${item.number}` }, item.number));
  if (item.state === "refused") made.append(make("div", { class: "row-actions" }, ...choices(item, send)));
  return made;
}

function picture(item) {
  const [blob] = item.photos;
  if (!blob) return icon({ step: "clipboard-check", join: "users", patrol: "traffic-cone" }[item.kind] || "camera");
  const made = make("img", { alt: "", width: 56, height: 56 });
  made.src = URL.createObjectURL(blob);
  made.onload = () => URL.revokeObjectURL(made.src);
  return made;
}

function choices(item, send) {
  const mended = { report: () => mend(item.seq), step: () => mendAnswer(item.seq) }[item.kind];
  const again = () => put({ ...item, state: "waiting", reason: null }).then(() => send());
  return [
    make("button", { class: "btn btn-small btn-main", type: "button", "data-mend": true, onclick: mended || again }, icon(mended ? "pencil" : "refresh"), make("span", {}, t(mended ? "mend" : "again"))),
    make("button", { class: "btn btn-small", type: "button", "aria-label": t("delete"), onclick: () => drop(item) }, icon("trash")),
  ];
}

async function drop(item) {
  const sure = await ask(t("delete_title"), t("delete_text"), [["yes", t("delete"), "btn-bad"], ["", t("keep_it")]]);
  if (sure === "yes") await remove(item.seq);
}
