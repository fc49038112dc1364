// A part of a page that follows alarms: when something happens to one, the page is asked for anew and the part is put in
// the place of the old, with the focus where it was.

import { listen } from "../live.js";

const WAIT_MS = 500;
const QUIET_MS = 15000;

// Also asked for without an alarm, every so often, as what sensors tell is shown too.
export function fresh(selector, { put = () => {} } = {}) {
  let waiting = 0;
  let quiet = 0;
  let asked = null; // an answer that another was asked after is older than that one

  async function load() {
    waiting = 0;
    window.clearTimeout(quiet);
    if (!document.hidden && !editing()) {
      const mine = (asked = {});
      const answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, cache: "no-store" }).catch(() => null);
      const told = answer && answer.ok ? await answer.text() : null;
      if (mine !== asked) return;
      if (told !== null && !editing()) swap(new DOMParser().parseFromString(told, "text/html"));
    }
    quiet = window.setTimeout(load, QUIET_MS);
  }

  function editing() {
    return document.activeElement?.closest?.(`${selector} form`);
  }

  function swap(page) {
    const now = page.querySelector(selector);
    const old = document.querySelector(selector);
    if (!now || now.innerHTML === old.innerHTML) return;
    const focus = document.activeElement?.closest?.(`${selector} a[href]`)?.getAttribute("href");
    put(old, document.adoptNode(now));
    if (focus) document.querySelector(`${selector} a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  function changed() {
    if (!waiting) waiting = window.setTimeout(load, WAIT_MS);
  }

  listen({ onAlarm: changed, onResync: changed });
  quiet = window.setTimeout(load, QUIET_MS);
}
