// Photos of a form: collected from the camera and from the album, shown, and taken out again before they are sent.

import { icon } from "./icon.js";

export function photos(box) {
  if (box.dataset.wired) return;
  box.dataset.wired = "yes";
  const [camera, album] = box.querySelectorAll("input[type=file]");
  const list = box.querySelector("[data-previews]");
  const error = box.querySelector("[data-error]");
  const limit = Number(box.dataset.limit);
  const largest = Number(box.dataset.limitMb) * 1024 * 1024;
  let chosen = [];

  function tell(message) {
    error.replaceChildren(...(message ? [Object.assign(document.createElement("span"), { textContent: message })] : []));
  }

  // All photos live in the album input; the camera's input is emptied after each shot.
  function store() {
    const carrier = new DataTransfer();
    for (const { file } of chosen) carrier.items.add(file);
    album.files = carrier.files;
    camera.value = "";
    list.replaceChildren(...chosen.map(preview));
    list.hidden = chosen.length === 0;
  }

  function preview(entry) {
    const item = document.createElement("li");
    const picture = document.createElement("img");
    picture.src = entry.address;
    picture.alt = entry.file.name;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "photo-remove";
    remove.setAttribute("aria-label", box.dataset.wordRemove);
    remove.append(icon("x"));
    remove.addEventListener("click", () => {
      URL.revokeObjectURL(entry.address);
      chosen = chosen.filter((other) => other !== entry);
      store();
    });
    item.append(picture, remove);
    return item;
  }

  function take(files) {
    tell("");
    for (const file of files) {
      if (!file.type.startsWith("image/")) tell(box.dataset.wordType);
      else if (file.size > largest) tell(box.dataset.wordLarge);
      else if (chosen.length >= limit) tell(box.dataset.wordMany);
      else chosen.push({ file, address: URL.createObjectURL(file) });
    }
    store();
  }

  camera.addEventListener("change", () => take([...camera.files]));
  album.addEventListener("change", () => take([...album.files]));
  box.addEventListener("dragover", (event) => event.preventDefault());
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

for (const box of document.querySelectorAll("[data-photos]")) photos(box);
