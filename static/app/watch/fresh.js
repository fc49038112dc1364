// Keeps the figures fresh: asks every two seconds for the version of the cases, which is a few bytes, and for the figures
// when it is another, at the latest once a minute, since what is overdue changes with time. Only while the page is seen.

const EACH_MS = 2000;
const AFTER_TROUBLE_MS = 6000;
const AT_LATEST_MS = 60000;

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
  let version = null;
  let shown = Date.now();
  let timer = 0;

  async function ask() {
    const answer = await fetch(window.location.href, { headers: { "X-Part": "figures", Accept: "text/html" }, cache: "no-store" });
    if (answer.redirected || answer.status === 401) return window.location.reload();
    if (answer.ok) {
      replaceParts(await answer.text());
      shown = Date.now();
      changed();
    }
    return undefined;
  }

  async function look() {
    window.clearTimeout(timer);
    let wait = EACH_MS;
    try {
      const answer = await fetch(root.dataset.versionAddress, { cache: "no-cache", headers: { Accept: "application/json" } });
      if (answer.status === 401) return window.location.reload();
      const { cases } = answer.ok ? await answer.json() : { cases: version };
      if ((version !== null && cases !== version) || Date.now() - shown > AT_LATEST_MS) await ask();
      version = cases;
      root.dataset.version = cases;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      wait = AFTER_TROUBLE_MS;
    }
    if (!document.hidden) timer = window.setTimeout(look, wait);
    return undefined;
  }

  document.addEventListener("visibilitychange", () => !document.hidden && look());
  look();
}
