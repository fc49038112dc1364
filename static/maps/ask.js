// Questions to the server: one answer at a time for each asker, and a word to the reader when nothing answers.

import { say } from "./notice.js";

// A box of the view, grown outwards to a round grid so that nearby views ask for the same address.
export function box(map, step) {
  const bounds = map.getBounds().pad(0.15);
  const within = (value, most) => Math.max(-most, Math.min(most, value)).toFixed(4);
  const down = (value, most) => within(Math.floor(value / step) * step, most);
  const up = (value, most) => within(Math.ceil(value / step) * step, most);
  return [down(bounds.getWest(), 180), down(bounds.getSouth(), 90), up(bounds.getEast(), 180), up(bounds.getNorth(), 90)].join(",");
}

export function address(base, values) {
  const query = new URLSearchParams(values).toString();
  return query ? base + (base.includes("?") ? "&" : "?") + query : base;
}

// Fetches JSON; a newer question of the same asker ends the older one. Null: no answer, or a newer question.
export function asker(map) {
  let running = null;
  return async (url) => {
    if (running) running.abort();
    const mine = new AbortController();
    running = mine;
    try {
      return await json(map, url, { signal: mine.signal });
    } finally {
      if (running === mine) running = null;
    }
  };
}

export async function json(map, url, options = {}) {
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, ...options });
    if (answer.status === 401) window.location.reload();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const data = await answer.json();
    say(map, "offline", false);
    return data;
  } catch (error) {
    if (error.name !== "AbortError") say(map, "offline", true);
    return null;
  }
}
