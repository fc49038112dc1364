// Several cases of one queue marked, and one step done with all of them: each is answered by itself, and what is refused
// stays marked.

export function bulk(desk) {
  const bar = document.getElementById("bulk");
  if (!bar) return;
  let question = null;

  const boxes = () => [...desk.list.querySelectorAll("[name=numbers]")];
  const marked = () => boxes().filter((box) => box.checked).map((box) => box.value);

  function hide() {
    bar.hidden = true;
    bar.replaceChildren();
    desk.root.classList.remove("marking");
  }

  async function ask(data) {
    if (question) question.abort();
    question = new AbortController();
    try {
      const answer = await fetch(bar.dataset.bulk, { method: "POST", body: data, headers: { Accept: "text/html" }, signal: question.signal });
      if (answer.status !== 200 && answer.status !== 422) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      bar.replaceChildren(...page.body.childNodes);
      bar.hidden = false;
      desk.root.classList.add("marking");
      await settle();
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    }
  }

  // What was done leaves the queue; what was refused stays marked.
  async function settle() {
    const outcome = bar.querySelector("[data-done]");
    if (!outcome) return;
    const refused = new Set([...outcome.querySelectorAll("[data-go-case]")].map((link) => link.dataset.goCase));
    await desk.load();
    for (const box of boxes()) box.checked = refused.has(box.value);
    if (outcome.dataset.done.split(",").includes(desk.number)) desk.choose(desk.number, { remember: false });
  }

  function look(action = "") {
    const numbers = marked();
    if (!numbers.length) return hide();
    const data = new URLSearchParams({ csrf_token: desk.token, action });
    for (const number of numbers) data.append("numbers", number);
    return ask(data);
  }

  desk.mark = () => {
    const row = desk.row() || desk.rows()[0];
    const box = row && row.querySelector("[name=numbers]");
    if (!box) return;
    box.checked = !box.checked;
    look();
  };

  desk.list.addEventListener("change", (event) => event.target.matches("[name=numbers]") && look());
  desk.root.addEventListener("desk:queue", () => !marked().length && !bar.querySelector("[data-done]") && hide());
  bar.addEventListener("click", (event) => {
    const step = event.target.closest("[data-bulk-step]");
    if (step) look(step.dataset.bulkStep);
    if (event.target.closest("[data-unmark]")) {
      for (const box of boxes()) box.checked = false;
      hide();
    }
  });
  bar.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(new URLSearchParams(new FormData(event.target)));
  });
}
