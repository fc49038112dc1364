// What happens elsewhere, at this desk: counts, what is new, who looks at the same case. Nothing moves under one's eyes.

import { banner } from "../alarms/banner.js";
import { icon } from "../icon.js";
import { listen } from "../live.js";

const MINUTE_MS = 60000;
const REQUESTS = "requests";
const TURN = /^(ask|review|decide|withdraw)_/;
const JITTER_MS = 3000;

export function follow(desk) {
  const { root, facts } = desk;
  const mark = root.querySelector("[data-new]");
  const light = root.querySelector("[data-live]");
  const fresh = new Set();
  const signs = new Map(facts.states.map((row) => [row.state, row]));

  function tell() {
    mark.hidden = fresh.size === 0;
    mark.querySelector("span").textContent = mark.dataset.one.replace("{n}", fresh.size);
  }

  // A row of a case that has changed says so where it stands.
  function changeRow(row, change) {
    const left = change.gone || change.ended || !desk.holds(change.state);
    row.classList.toggle("row-left", left);
    row.dataset.state = change.state || row.dataset.state;
    const sign = signs.get(change.state);
    const foot = row.querySelector(".row-badges");
    let word = foot.querySelector("[data-became]");
    if (!word) {
      word = document.createElement("span");
      word.className = "badge-word";
      word.dataset.became = "yes";
      foot.prepend(word);
    }
    word.textContent = change.gone || !sign ? facts.said.left : sign.word;
    hold(row, null);
  }

  // Who has taken the case of a row; a claim ends by itself when its time is over.
  function hold(row, by, until) {
    row.querySelector("[data-held]")?.remove();
    if (!by) return;
    const badge = document.createElement("span");
    badge.className = "badge-word badge-plain";
    badge.dataset.held = until;
    badge.append(icon("lock"), by.id === facts.me ? facts.said.mine : facts.said.with.replace("{name}", by.name));
    row.querySelector(".row-badges").prepend(badge);
  }

  function onClaim({ number, by, until }) {
    const row = desk.row(number);
    if (row) hold(row, by, until);
    const shown = desk.panel.querySelector("[data-panel]");
    if (!shown || shown.dataset.panel !== number) return;
    const holder = by ? (by.id === facts.me && "mine") || "other" : "";
    if (shown.dataset.holder !== holder) shown.querySelector("[data-changed]").hidden = false;
  }

  function endClaims() {
    for (const badge of root.querySelectorAll("[data-held]")) if (new Date(badge.dataset.held) < new Date()) badge.remove();
  }

  // A turn of a request: how many wait is no matter of states, so it is asked for; desks do so one after another.
  let asking = 0;
  function countRequests() {
    window.clearTimeout(asking);
    asking = window.setTimeout(async () => {
      const answer = await fetch(`${facts.addresses.queue}?queue=${REQUESTS}`, { headers: { Accept: "text/html" } }).catch(() => null);
      if (!answer || !answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const number = root.querySelector(`[data-queue-tab=${REQUESTS}] [data-count]`);
      number.textContent = page.querySelectorAll("[data-row]").length;
      for (const row of page.querySelectorAll("[data-row]")) if (desk.queue === REQUESTS && !desk.row(row.dataset.row)) fresh.add(row.dataset.row);
      tell();
    }, Math.random() * JITTER_MS);
  }

  function onCase(change) {
    if (REQUESTS in facts.queues && TURN.test(change.action || "")) countRequests();
    const row = desk.row(change.number);
    if (row) changeRow(row, change);
    else if (!change.gone && !change.ended && facts.queues[desk.queue].includes(change.state)) fresh.add(change.number);
    else fresh.delete(change.number);
    tell();
    const shown = desk.panel.querySelector("[data-panel]");
    if (shown && shown.dataset.panel === change.number && change.version > Number(shown.dataset.version)) {
      shown.querySelector("[data-changed]").hidden = false;
    }
    if (desk.map) desk.map.changed(change);
  }

  function onCounts(counts) {
    for (const tab of root.querySelectorAll("[data-queue-tab]")) {
      const states = facts.queues[tab.dataset.queueTab];
      const own = states.map((state) => counts[state] || [0, 0]);
      const late = own.reduce((sum, one) => sum + one[1], 0);
      const isLate = tab.dataset.queueTab === "late";
      const number = tab.querySelector("[data-count]");
      if (number && states.length) number.textContent = isLate ? late : own.reduce((sum, one) => sum + one[0], 0);
      const sign = tab.querySelector("[data-late]");
      sign.hidden = isLate || !late || !number;
      sign.querySelector("span").textContent = late;
    }
  }

  function onPresence({ number, people }) {
    const shown = desk.panel.querySelector("[data-panel]");
    if (!shown || shown.dataset.panel !== number) return;
    const names = people.map((one) => one.name).join(facts.said.and);
    shown.querySelector("[data-presence]").textContent = names ? facts.said.here.replace("{names}", names) : "";
  }

  function onState(state) {
    light.dataset.state = state;
    light.textContent = facts.said[state];
  }

  // Time passes: lights and times left are asked for again, and put where they stand.
  async function lights() {
    if (document.hidden || !desk.rows().length) return;
    const query = new URLSearchParams({ queue: desk.queue, order: desk.order, ...(desk.order === "near" ? desk.place() : {}) });
    const answer = await fetch(`${facts.addresses.queue}?${query}`, { headers: { Accept: "text/html", "HX-Request": "true" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const now of page.querySelectorAll("[data-row]")) {
      const row = desk.row(now.dataset.row);
      if (row) row.querySelector(".row-light").replaceWith(document.adoptNode(now.querySelector(".row-light")));
    }
  }
  window.setInterval(() => { endClaims(); lights(); }, MINUTE_MS);

  const alarms = banner(document.querySelector("[data-alarm-banner]"));
  function onAlarm() {
    alarms.changed();
    if (desk.map) desk.map.alarmed();
  }

  const line = listen({ onCase, onClaim, onAlarm, onCounts, onPresence, onState, onResync: () => { alarms.changed(); fresh.clear(); tell(); mark.hidden = false; mark.querySelector("span").textContent = facts.said.again; }, token: desk.token });
  root.addEventListener("desk:case", ({ detail }) => line.watch(detail));
  root.addEventListener("desk:queue", () => { fresh.clear(); tell(); });
  mark.addEventListener("click", () => desk.load());
}
