// Photos in full size, one after another: every [data-photo] of the page, also of what comes into it later.

const dialog = document.querySelector("[data-viewer-dialog]");
const full = dialog.querySelector("[data-full]");
let links = [];
let at = 0;

function show(index) {
  at = (index + links.length) % links.length;
  full.src = links[at].href;
  full.alt = links[at].querySelector("img").alt;
  for (const button of dialog.querySelectorAll("[data-prev], [data-next]")) button.hidden = links.length < 2;
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-photo]");
  if (!link) return;
  event.preventDefault();
  links = [...document.querySelectorAll("[data-photo]")];
  show(links.indexOf(link));
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.querySelector("[data-prev]").addEventListener("click", () => show(at - 1));
dialog.querySelector("[data-next]").addEventListener("click", () => show(at + 1));
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(at - 1);
  if (event.key === "ArrowRight") show(at + 1);
});
