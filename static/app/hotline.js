// The hotline's form: earlier cases of the same caller, asked while the call goes on. The number is in no address.

function line(one) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/cases/${one.number}`;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = one.number;
  const name = (document.documentElement.lang === "en" && one.class_name.en) || one.class_name.zh;
  item.append(link, ` · ${name} · ${one.reported_at.slice(0, 10)}`);
  return item;
}

export function earlier(box) {
  if (box.dataset.wired) return;
  box.dataset.wired = "yes";
  const form = box.closest("form");
  let question = null;

  function show(cases) {
    const heading = document.createElement("b");
    heading.textContent = cases.length ? box.dataset.wordSome : box.dataset.wordNone;
    const list = document.createElement("ul");
    list.append(...cases.map(line));
    box.replaceChildren(heading, ...(cases.length ? [list] : []));
    box.hidden = false;
  }

  form.elements.phone.addEventListener("change", async () => {
    const phone = form.elements.phone.value.trim();
    box.hidden = true;
    if (question) question.abort();
    if (!phone) return;
    question = new AbortController();
    try {
      const answer = await fetch(box.dataset.address, {
        method: "POST",
        body: JSON.stringify({ phone }),
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value },
        signal: question.signal,
      });
      if (answer.ok) show((await answer.json()).cases);
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    }
  });
}

for (const box of document.querySelectorAll("[data-earlier]")) earlier(box);
