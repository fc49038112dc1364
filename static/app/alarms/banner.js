// The banner of alarms that stand: asked for anew when something happens to one, at most once in half a second, so that a
// storm of alarms is one question. Acknowledging is sent in the background and answered with the banner.

const WAIT_MS = 300;

export function banner(box) {
  let waiting = 0;
  let asked = null;

  function put(html) {
    if (box.innerHTML !== html) box.innerHTML = html;
  }

  async function load() {
    waiting = 0;
    const mine = (asked = {});
    const answer = await fetch(box.dataset.alarmBanner, { headers: { Accept: "text/html" }, cache: "no-store" }).catch(() => null);
    if (answer && answer.ok && mine === asked) put(await answer.text());
  }

  box.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-acknowledge]");
    if (!form) return;
    event.preventDefault();
    form.querySelector("button").disabled = true;
    const mine = (asked = {});
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } }).catch(() => null);
    if (answer && answer.ok && mine === asked) put(await answer.text());
    else load();
  });

  return {
    changed() {
      if (!waiting) waiting = window.setTimeout(load, WAIT_MS);
    },
  };
}
