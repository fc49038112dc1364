// Questions to the server: the network first, what was kept of the same question when there is none.

import { config } from "./dom.js";

const { forgetAll, keep, kept } = globalThis.webgisOutbox;
const PATIENCE_MS = 12_000;

let person = null;

// Whose answers are kept: what was kept for another is thrown away, and their reports stay where they are.
export async function asPerson(id) {
  person = id;
  const last = await kept("person");
  if (last !== undefined && last !== id) await forgetAnswers();
  await keep("person", id);
}

export async function forgetAnswers() {
  await forgetAll("answer:");
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

// What was kept of a question, or null.
export const before = async (address) => (await kept(`answer:${person}:${address}`)) || null;

// { told, at, fresh }: the answer, its moment, and whether it is of now. Null when there is none at all.
export async function ask(address, name = address) {
  const key = `answer:${person}:${name}`;
  try {
    const told = await fetched(address);
    await keep(key, { told, at: Date.now() });
    return { told, at: Date.now(), fresh: true };
  } catch (error) {
    if (error instanceof Refused && error.status < 500) throw error;
    const old = await before(name);
    return old && { ...old, fresh: false };
  }
}
