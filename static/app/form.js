// A form that stays: it is sent in the background, and when the server refuses, the refusals are put at their fields,
// so that photos and everything typed are kept. The server's answer is the page it would have shown anyway.

function busy(button, on) {
  const word = button.querySelector("span");
  if (on) button.dataset.word = word.textContent;
  word.textContent = on ? button.dataset.busy || button.dataset.word : button.dataset.word;
  button.setAttribute("aria-busy", String(on));
}

function showProblems(form, fresh) {
  let first = null;
  if (form.elements.key) form.elements.key.value = fresh.elements.key.value;
  for (const place of form.querySelectorAll("[data-error]")) {
    const told = fresh && fresh.querySelector(`[data-error="${CSS.escape(place.dataset.error)}"]`);
    place.replaceChildren(...(told ? told.cloneNode(true).childNodes : []));
    const owner = place.parentElement;
    const wrong = place.childNodes.length > 0;
    if (place.dataset.error !== "form") owner.classList.toggle("has-error", wrong);
    if (wrong && !first) first = owner;
  }
  if (!first) return;
  const field = first.querySelector("input:not([type=hidden]):not([type=file]), select, textarea, button");
  first.scrollIntoView({ block: "center" });
  if (field && field.offsetParent) field.focus({ preventScroll: true });
}

function plain(form, message) {
  const place = form.querySelector('[data-error="form"]');
  place.replaceChildren(Object.assign(document.createElement("span"), { textContent: message }));
}

// Two file inputs feed one list of photos: empty ones are left out.
function content(form, button) {
  const data = new FormData(form, button);
  for (const name of new Set([...form.querySelectorAll("input[type=file]")].map((input) => input.name))) {
    const files = data.getAll(name).filter((file) => file.size > 0);
    data.delete(name);
    for (const file of files) data.append(name, file, file.name);
  }
  return data;
}

// On to the next page, unless who shows the form goes on in place.
function done(form, button, go) {
  const event = new CustomEvent("webgis:done", { bubbles: true, cancelable: true, detail: { go } });
  if (form.dispatchEvent(event)) return window.location.assign(go);
  busy(button, false);
  delete form.dataset.sent;
  return undefined;
}

async function send(form, button) {
  busy(button, true);
  try {
    const answer = await fetch(form.action, { method: "POST", body: content(form, button), headers: { Accept: "text/html", "X-Stay": "yes" } });
    if (answer.redirected) return window.location.assign(answer.url);
    if (answer.headers.get("Content-Type").startsWith("application/json")) return done(form, button, (await answer.json()).go);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const key = [...form.classList].map((name) => `.${CSS.escape(name)}`).join("");
    const fresh = page.querySelector(`form[action="${CSS.escape(form.getAttribute("action") || "")}"]`) || page.querySelector(`form${key}`);
    if (answer.status === 422 && fresh) showProblems(form, fresh);
    else plain(form, (page.querySelector("[data-error-text]") || page.querySelector("h1") || page.body).textContent.trim());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    plain(form, document.documentElement.lang === "en" ? "No connection. Nothing is lost: send again in a moment." : "没有网络连接。内容仍在，请稍后再发送。");
  }
  busy(button, false);
  delete form.dataset.sent;
  return undefined;
}

export function stay(form) {
  if (form.dataset.wired) return;
  form.dataset.wired = "yes";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "yes";
    send(form, event.submitter || form.querySelector("button[type=submit]"));
  });
}

for (const form of document.querySelectorAll("form[data-stay]")) stay(form);
