// Keeps the figures fresh: hears of cases that change (live.js, which asks in turns where there is no stream) and asks for
// the figures then, at most every two seconds; and at the latest once a minute, since what is overdue changes with time.
// Only while the page is seen.

import { listen } from "../live.js";

const AT_MOST_EACH_MS = 2000;
const AT_LATEST_MS = 60000;
const HEARING = ["live", "polling"];

// Puts the parts of an answer in the place of those of the page; what is open or has the focus stays as it is.
export function replaceParts(html) {
  const told = new DOMParser().parseFromString(html, "text/html");
  for (const part of told.querySelectorAll("[data-part]")) {
    const old = document.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old || old.innerHTML === part.innerHTML || old.contains(document.activeElement)) continue;
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    part.querySelectorAll("details").forEach((one, place) => { one.open = open[place] || false; });
    old.replaceChildren(...part.childNodes);
  }
}

// `root`: the element with the figures; `changed()`: after they have been replaced.
export function fresh(root, changed) {
  let shown = Date.now();
  let timer = 0;
  let heard = "";

  // What fetch throws without a connection is no fault: one hears of it by `onState`, and asks again then.
  async function got(address, headers) {
    try {
      const answer = await fetch(address, { headers, cache: "no-store" });
      if (answer.redirected || answer.status === 401) window.location.reload();
      return answer.ok ? answer : null;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return null;
    }
  }

  async function ask() {
    timer = 0;
    shown = Date.now();
    const answer = await got(window.location.href, { "X-Part": "figures", Accept: "text/html" });
    if (!answer) return;
    replaceParts(await answer.text());
    changed();
  }

  function soon() {
    if (!timer && !document.hidden) timer = window.setTimeout(ask, Math.max(0, shown + AT_MOST_EACH_MS - Date.now()));
  }

  // Who begins to hear, or hears again, may have missed something: the version of the cases tells.
  async function compare() {
    const answer = await got(root.dataset.versionAddress, { Accept: "application/json" });
    if (!answer) return;
    const { cases } = await answer.json();
    if (cases !== root.dataset.version) soon();
    root.dataset.version = cases;
  }

  function onState(state) {
    if (HEARING.includes(state) && state !== heard) compare();
    heard = state;
    root.dataset.live = state;
  }

  function late() {
    if (Date.now() - shown > AT_LATEST_MS) soon();
  }

  listen({ onCase: soon, onResync: soon, onState });
  window.setInterval(late, AT_MOST_EACH_MS);
  document.addEventListener("visibilitychange", late);
}
