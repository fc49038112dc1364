// The form of a call in a dialog over the desk: caller with earlier cases, place, class; what was taken in is shown after.

import { common } from "../public.js";
import { earlier } from "../hotline.js";
import { wire } from "../wire.js";

export function calls(desk) {
  const opener = desk.root.querySelector("[data-hotline]");
  const dialog = document.querySelector("[data-call-dialog]");
  if (!opener || !dialog) return;

  async function open() {
    const answer = await fetch(opener.dataset.hotline, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const form = page.querySelector("form.hotline-form");
    if (!form) return;
    form.action = opener.dataset.hotline;
    const head = document.querySelector("[data-help-dialog] .dialog-head").cloneNode(true);
    head.querySelector("h2").textContent = dialog.getAttribute("aria-label");
    head.querySelector("h2").removeAttribute("id");
    dialog.replaceChildren(head, document.adoptNode(form));
    dialog.showModal();
    for (const box of dialog.querySelectorAll("[data-common]")) common(box);
    for (const box of dialog.querySelectorAll("[data-earlier]")) earlier(box);
    wire(dialog);
    form.elements.phone.focus();
  }

  opener.addEventListener("click", open);
  dialog.addEventListener("webgis:done", (event) => {
    event.preventDefault();
    event.stopPropagation();
    dialog.close();
    desk.choose(event.detail.go.split("/").at(-1)).then(() => desk.load());
  });
  dialog.addEventListener("click", (event) => {
    const link = event.target.closest("[data-earlier] a");
    if (!link) return;
    event.preventDefault();
    desk.choose(link.textContent.trim());
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
}
