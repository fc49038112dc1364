// The row of buttons at the right: zoom, where I am, measure, select, full screen, print, theme, link.

import { json } from "./ask.js";
import { button, element, fill } from "./dom.js";
import { insideContent } from "./inside.js";
import { say } from "./notice.js";
import { areaOf, lengthOf, metres, Sketch, squareMetres } from "./sketch.js";

const TOLD_MS = 4000;

export function tools(page) {
  const { words, addresses } = page.facts;
  const bar = L.control({ position: "topright" });
  const zoom = (by) => () => page.map.setZoom(page.map.getZoom() + by);
  const wanted = [
    ["plus", words.zoom_in, zoom(1)],
    ["minus", words.zoom_out, zoom(-1)],
    ["current-location", words.locate, () => locate(page)],
    ["ruler-measure", words.measure, () => measure(page)],
    addresses && addresses.inside && ["marquee-2", words.select, () => select(page)],
    document.fullscreenEnabled && ["maximize", words.full_screen, () => fullScreen(page)],
    ["printer", words.print, () => print(page)],
    ["moon", words.theme, () => page.setTheme(page.view.theme === "dark" ? "light" : "dark")],
    addresses && ["download", words.snapshot, () => snapshot(page)],
    addresses && ["link", words.link, () => copyLink(page)],
  ];
  bar.onAdd = () => {
    const box = element("div", "wg-bar leaflet-bar");
    for (const [name, word, act] of wanted.filter(Boolean)) {
      const made = button("wg-tool", name, word, act);
      made.dataset.tool = name;
      box.append(made);
    }
    L.DomEvent.disableClickPropagation(box);
    return box;
  };
  bar.addTo(page.map);
}

function tell(page, text) {
  say(page.map, "done", text);
  window.setTimeout(() => say(page.map, "done", false), TOLD_MS);
}

// Where I am.

function locate(page) {
  const { words } = page.facts;
  if (!window.isSecureContext) {
    tell(page, words.locate_secure);
    return;
  }
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      if (page.here) page.here.remove();
      const place = [coords.latitude, coords.longitude];
      const circle = L.circle(place, { radius: coords.accuracy, className: "wg-here-circle", interactive: false });
      const dot = L.circleMarker(place, { radius: 7, className: "wg-here", interactive: false });
      page.here = L.layerGroup([circle, dot]).addTo(page.map);
      page.map.fitBounds(L.latLng(place).toBounds(Math.max(coords.accuracy * 2, 200)), { maxZoom: 17 });
      tell(page, fill(words.accuracy, { m: Math.round(coords.accuracy) }));
    },
    () => tell(page, words.locate_denied),
    { enableHighAccuracy: true, timeout: 15000 },
  );
}

// Measure.

function endTool(page) {
  if (page.sketch) page.sketch.stop();
  page.sketch = null;
  say(page.map, "tool", false);
}

function buttons(...rows) {
  const line = element("div", "wg-buttons");
  for (const [word, act, pressed] of rows) {
    const made = element("button", "wg-small-button", word);
    made.type = "button";
    if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", act);
    line.append(made);
  }
  return line;
}

function row(word, value) {
  const line = element("div", "wg-measured");
  line.append(element("span", "", word), element("b", "", value));
  return line;
}

function measure(page) {
  const { words } = page.facts;
  const start = () => {
    const told = element("div", "wg-measure");
    const values = element("div", "", "");
    endTool(page);
    page.sketch = new Sketch(page.map, "line", (points) => values.replaceChildren(...measured(words, points)));
    told.append(element("p", "wg-hint", words.measure_hint), values, buttons([words.undo, () => page.sketch.undo()], [words.again, start]));
    page.panel.show("measure", words.measure, told, () => endTool(page));
  };
  start();
}

function measured(words, points) {
  if (points.length < 2) return [];
  const rows = [row(words.distance, metres(lengthOf(points)))];
  if (points.length > 2) {
    rows.push(row(words.area, squareMetres(areaOf(points))), row(words.perimeter, metres(lengthOf([...points, points[0]]))));
  }
  return rows;
}

// Select.

function select(page, shape = "rectangle") {
  const { words } = page.facts;
  const told = element("div", "wg-select");
  const found = element("div", "");
  endTool(page);
  const show = (ring) => found.replaceChildren(insideContent(page, ring));
  if (shape === "view") {
    const box = page.map.getBounds();
    show([box.getNorthWest(), box.getNorthEast(), box.getSouthEast(), box.getSouthWest()]);
  } else {
    page.sketch = new Sketch(page.map, shape, (ring, done) => done && show(ring));
    found.append(element("p", "wg-hint", shape === "rectangle" ? words.rectangle_hint : words.polygon_hint));
  }
  const choices = [["rectangle", words.rectangle], ["polygon", words.polygon], ["view", words.this_view]];
  told.append(buttons(...choices.map(([name, word]) => [word, () => select(page, name), name === shape])), found);
  page.panel.show("select", words.select, told, () => endTool(page));
}

// Full screen, print, link.

function fullScreen(page) {
  if (document.fullscreenElement) document.exitFullscreen();
  else page.map.getContainer().parentElement.requestFullscreen();
}

function print(page) {
  const { words, title } = page.facts;
  const time = new Date().toLocaleString(page.lang, { dateStyle: "medium", timeStyle: "short" });
  page.printHead.replaceChildren(element("b", "", title), element("span", "", page.filterWords()), element("span", "", fill(words.printed, { time })));
  window.print();
}

// A map as one file: drawn by the server, which tells how far it is.
async function snapshot(page) {
  const { words, addresses, name } = page.facts;
  const told = element("div", "wg-snapshot");
  const bar = element("progress", "wg-progress");
  const line = element("p", "wg-hint", fill(words.snapshot_wait, { percent: 0 }));
  bar.max = 100;
  told.append(line, bar);
  let wanted = true;
  page.panel.show("snapshot", words.snapshot, told, () => { wanted = false; });
  const asked = await json(page.map, addresses.snapshots, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": page.facts.token },
    body: JSON.stringify({ page: name, ...page.view.query() }),
  });
  while (wanted && asked) {
    const state = await json(page.map, asked.state);
    if (!state) break;
    bar.value = state.percent;
    line.textContent = fill(words.snapshot_wait, { percent: state.percent });
    if (state.address) {
      told.replaceChildren(openLink(words.snapshot_done, state.address), openLink(words.snapshot_save, `${state.address}?save`));
      return;
    }
    await new Promise((resolve) => window.setTimeout(resolve, 500));
  }
  if (wanted) line.textContent = words.failed;
}

function openLink(words, href) {
  const made = element("a", "wg-wide-button", words);
  made.href = href;
  made.target = "_blank";
  return made;
}

async function copyLink(page) {
  const link = new URL(page.view.address(), window.location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    tell(page, page.facts.words.link_copied);
  } catch {
    window.prompt(page.facts.words.link, link);
  }
}
