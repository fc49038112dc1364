// One box that finds everything: what is typed is asked by POST (a telephone number stands in no address), and found in
// groups. Keys: up, down, Enter, Escape.

const WAIT_MS = 250;

export function search(desk) {
  const form = desk.root.querySelector("[data-search]");
  if (!form) return;
  const field = form.elements.q;
  const box = form.querySelector("[role=listbox]");
  let timer = 0;
  let question = null;
  let at = -1;

  const rows = () => [...box.querySelectorAll("[role=option]")];

  function hide() {
    window.clearTimeout(timer);
    box.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function mark(place) {
    const all = rows();
    if (!all.length) return;
    at = (place + all.length) % all.length;
    all.forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    all[at].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", all[at].id);
  }

  async function look() {
    const typed = field.value.trim();
    if (question) question.abort();
    if (!typed) return hide();
    question = new AbortController();
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams({ csrf_token: desk.token, q: typed }),
        headers: { Accept: "text/html" },
        signal: question.signal,
      });
      if (!answer.ok || field.value.trim() !== typed) return undefined;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      box.replaceChildren(...page.body.childNodes);
      rows().forEach((row, index) => { row.id = `desk-found-${index}`; });
      box.hidden = false;
      field.setAttribute("aria-expanded", "true");
      at = -1;
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    }
    return undefined;
  }

  function go(row) {
    hide();
    field.blur();
    if (row.dataset.goCase) desk.choose(row.dataset.goCase).then(() => desk.show("case"));
    else if (desk.map) {
      desk.show("map");
      desk.map.goTo(row.dataset.goBox.split(",").map(Number));
    }
  }

  field.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(look, WAIT_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") hide();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(event.key === "ArrowDown" ? at + 1 : Math.max(at, 0) - 1);
    else return;
    event.preventDefault();
  });
  box.addEventListener("pointerdown", (event) => event.preventDefault());
  box.addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (!row) return;
    event.preventDefault();
    event.stopPropagation();
    go(row);
  });
  field.addEventListener("blur", () => window.setTimeout(() => document.activeElement !== field && hide(), 120));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    window.clearTimeout(timer);
    if (box.hidden) await look();
    const all = rows();
    if (all.length) go(all[Math.max(at, 0)]);
  });
}
