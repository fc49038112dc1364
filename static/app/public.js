// Pages for people without an account: common problems as buttons over the search for a class, and the receipt's link.

export function common(box) {
  if (box.dataset.wired) return;
  box.dataset.wired = "yes";
  const select = box.ownerDocument.getElementById("subject");
  const buttons = [...box.querySelectorAll("[data-key]")];
  const mark = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.key === select.value)));
  box.hidden = false;
  select.addEventListener("change", mark);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      select.value = button.dataset.key;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}

for (const box of document.querySelectorAll("[data-common]")) common(box);

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = button.parentElement.querySelector("[data-link]");
  field.addEventListener("focus", () => field.select());
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.querySelector("span").textContent = button.dataset.wordDone;
  });
}
