// A part of a page that follows alarms: when something happens to one, the page is asked for anew and the part is put in
// the place of the old, with the focus where it was.

import { listen } from "../live.js";

const WAIT_MS = 500;
const QUIET_MS = 15000;

// `again`: also asked for without an alarm, every so often, as what sensors tell is shown too.
export function fresh(selector, { put = () => {}, again = true } = {}) {
  let waiting = 0;
  let quiet = 0;

  async function load() {
    waiting = 0;
    window.clearTimeout(quiet);
    if (!document.hidden && !editing()) {
      const answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, cache: "no-store" }).catch(() => null);
      if (answer && answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
    if (again) quiet = window.setTimeout(load, QUIET_MS);
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
  if (again) quiet = window.setTimeout(load, QUIET_MS);
}
