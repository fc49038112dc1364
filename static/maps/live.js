// Keeps a visible page fresh: asks each second for the version of the cases, which is a few bytes, and nothing else
// until it is another; then the live layers ask for their tiles again and change what has changed.

const EACH_MS = 1000;
const AFTER_TROUBLE_MS = 5000;

export function live(page) {
  let version = null;
  let busy = false;

  async function look() {
    if (busy || document.hidden) return EACH_MS;
    busy = true;
    try {
      const answer = await fetch(page.facts.addresses.version, { cache: "no-cache", headers: { Accept: "application/json" } });
      if (answer.status === 401) window.location.reload();
      if (!answer.ok) return AFTER_TROUBLE_MS;
      const { cases } = await answer.json();
      const changed = version !== null && cases !== version;
      version = cases;
      page.map.getContainer().dataset.version = cases;
      if (changed) await page.refreshLive();
      return EACH_MS;
    } catch {
      return AFTER_TROUBLE_MS;
    } finally {
      busy = false;
    }
  }

  async function again() {
    window.setTimeout(again, await look());
  }
  document.addEventListener("visibilitychange", () => !document.hidden && look());
  again();
}
