// Questions to the server: the network first, what was kept of the same question when there is none.

import { config } from "./dom.js";

const { keep, kept, forget } = globalThis.webgisOutbox;
const PATIENCE_MS = 12_000;

let person = null;

// Whose answers are kept: what was kept for another is thrown away, and their reports stay where they are.
export async function asPerson(id) {
  person = id;
  const before = await kept("person");
  if (before !== undefined && before !== id) await forgetAnswers();
  await keep("person", id);
}

export async function forgetAnswers() {
  for (const name of (await kept("names")) || []) await forget(name);
  await keep("names", []);
  if ("caches" in window) await caches.delete(config.photos);
}

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.title || `HTTP ${status}`);
    Object.assign(this, { status, problem });
  }
}

export async function fetched(address, options = {}) {
  if (!navigator.onLine) throw new TypeError("no network");
  const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  const json = (answer.headers.get("Content-Type") || "").includes("json");
  const told = json ? await answer.json() : {};
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

// { told, at, fresh }: the answer, its moment, and whether it is of now. Null when there is none at all.
export async function ask(address, name = address) {
  const key = `answer:${person}:${name}`;
  try {
    const told = await fetched(address);
    await keep(key, { told, at: Date.now() });
    await keep("names", [...new Set([...((await kept("names")) || []), key])]);
    return { told, at: Date.now(), fresh: true };
  } catch (error) {
    if (error instanceof Refused && error.status < 500) throw error;
    const before = await kept(key);
    return before ? { ...before, fresh: false } : null;
  }
}
