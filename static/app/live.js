// What happens to cases, alarms and emergencies, as it happens: server-sent events from the live process, questions in turns where there is none.
//
// listen({ onCase, onClaim, onAlarm, onEmergency, onPresence, onCounts, onState, onResync, token }) -> { watch(number), close() }
//   onCase({ number, state, was, action, version, department, cell, due, ended, lon, lat }): a case that one may see has
//     changed; { number, gone: true } when one may see it no more. Each change is told once.
//   onClaim({ number, by: { id, name } | null, until }): somebody has taken a case, or given it back (null). May be told
//     twice; a claim that runs out is not told.
//   onAlarm({ event, action, id, state, level, level_zh, level_en, rank, advice, raised_at, waiting, station, name_zh,
//     name_en, value, unit, number, lon, lat }): something happened to an alarm of a sensor, and how it stands now. Once.
//   onEmergency({ event, number, action, version, level, state }): something happened to an emergency; { event, number,
//     gone: true } when one may see it no more; { event, proposal, state } of a CAP message that came in. Once.
//   onPresence({ number, people: [{ id, name }] }): who else looks at the case that is watched.
//   onCounts({ state: [cases, late] }): how many wait; asked for by giving the function.
//   onState("live" | "polling" | "offline"): how one hears.
//   onResync(): something may have been missed; ask for everything again.
// `token` is the page's CSRF token; without it nobody sees that one looks at a case.
//
// Only a visible page listens: a browser opens few connections to one host, and a hidden page has no reader.

const STREAM = "/live/events";
const POLL = "/api/v1/live";
const PRESENCE = "/api/v1/live/presence";
const POLL_MS = 1500;
const AFTER_TROUBLE_MS = 5000;
const SILENCE_MS = 45000;
const STREAM_AGAIN_MS = 60000;
const HERE_MS = 20000;
const KEPT = 2000;

export function listen(hearer) {
  const tab = Array.from(window.crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const told = new Map();
  let source = null;
  let cursor = "";
  let tag = "";
  let number = "";
  let people = "";
  let timer = 0;
  let silence = 0;
  let closed = false;
  let polling = false;

  const say = (state) => hearer.onState && hearer.onState(state);

  // Each version of a case once, whichever way it came.
  function change(one) {
    const key = one.gone ? `${one.number}/gone` : `${one.number}/${one.version}`;
    if (told.has(key)) return;
    told.set(key, true);
    if (told.size > KEPT) told.delete(told.keys().next().value);
    if (hearer.onCase) hearer.onCase(one);
  }

  // Each event of a kind once.
  const once = (kind, act) => (one) => {
    const key = `${kind}/${one.event}`;
    if (told.has(key)) return;
    told.set(key, true);
    if (act) act(one);
  };
  const alarm = once("alarm", hearer.onAlarm);
  const emergency = once("emergency", hearer.onEmergency);

  function presence(one) {
    const others = JSON.stringify(one);
    if (one.number !== number || others === people) return;
    people = others;
    if (hearer.onPresence) hearer.onPresence(one);
  }

  function query(more) {
    return new URLSearchParams({ tab, ...(hearer.onCounts ? { counts: 1 } : {}), ...more });
  }

  // ---- the stream

  function open() {
    stop();
    if (closed || document.hidden) return;
    source = new EventSource(`${STREAM}?${query(cursor ? { since: cursor } : {})}`);
    const heard = (act) => (event) => {
      if (event.lastEventId) cursor = event.lastEventId;
      watchSilence();
      if (act) act(JSON.parse(event.data));
    };
    source.addEventListener("hello", heard(() => { polling = false; say("live"); here(); }));
    source.addEventListener("case", heard(change));
    source.addEventListener("claim", heard((claim) => hearer.onClaim && hearer.onClaim(claim)));
    source.addEventListener("alarm", heard(alarm));
    source.addEventListener("emergency", heard(emergency));
    source.addEventListener("presence", heard(presence));
    source.addEventListener("counts", heard((counts) => hearer.onCounts && hearer.onCounts(counts)));
    source.addEventListener("resync", heard(() => hearer.onResync && hearer.onResync()));
    source.addEventListener("beat", heard());
    source.addEventListener("error", () => {
      // Closed: there is no stream here. Else the browser tries again by itself.
      if (source && source.readyState === EventSource.CLOSED) poll();
      else say("offline");
    });
  }

  function watchSilence() {
    window.clearTimeout(silence);
    silence = window.setTimeout(open, SILENCE_MS);
  }

  function stop() {
    window.clearTimeout(timer);
    window.clearTimeout(silence);
    if (source) source.close();
    source = null;
  }

  // ---- questions in turns

  function poll() {
    stop();
    if (closed || document.hidden) return;
    if (!polling) {
      polling = true;
      cursor = "";
      tag = "";
      here();
      silence = window.setTimeout(() => { cursor = ""; open(); }, STREAM_AGAIN_MS);
    }
    look();
  }

  async function look() {
    let wait = POLL_MS;
    try {
      const answer = await fetch(`${POLL}?${query({ since: cursor, case: number })}`, { headers: { Accept: "application/json", ...(tag ? { "If-None-Match": tag } : {}) }, cache: "no-store" });
      if (answer.status === 401) return window.location.reload();
      if (answer.ok) await take(answer);
      else if (answer.status !== 304) wait = AFTER_TROUBLE_MS;
      say(answer.ok || answer.status === 304 ? "polling" : "offline");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      say("offline");
      wait = AFTER_TROUBLE_MS;
    }
    if (polling && !closed && !document.hidden) timer = window.setTimeout(look, wait);
    return undefined;
  }

  async function take(answer) {
    const found = await answer.json();
    tag = answer.headers.get("ETag") || "";
    if (found.resync && cursor && hearer.onResync) hearer.onResync();
    cursor = found.cursor;
    for (const one of found.cases) change(one);
    if (hearer.onClaim) found.claims.forEach(hearer.onClaim);
    found.alarms.forEach(alarm);
    found.emergencies.forEach(emergency);
    if (found.counts && hearer.onCounts) hearer.onCounts(found.counts);
    if (found.presence) presence(found.presence);
  }

  // ---- presence

  async function here() {
    if (!hearer.token) return;
    try {
      await fetch(PRESENCE, {
        method: "POST",
        body: JSON.stringify({ tab, case: document.hidden || closed ? null : number || null }),
        headers: { "Content-Type": "application/json", "X-CSRFToken": hearer.token },
        keepalive: true,
      });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  const beat = window.setInterval(() => number && !document.hidden && here(), HERE_MS);

  function seen() {
    if (document.hidden) {
      stop();
      here();
    } else if (polling) poll();
    else open();
  }

  document.addEventListener("visibilitychange", seen);
  window.addEventListener("pagehide", () => { number = ""; here(); });
  open();

  return {
    watch(next) {
      number = next || "";
      people = "";
      here();
    },
    close() {
      closed = true;
      stop();
      window.clearInterval(beat);
      document.removeEventListener("visibilitychange", seen);
      here();
    },
  };
}
