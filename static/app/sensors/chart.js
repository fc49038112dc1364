// The readings of a sensor: a line over the chosen span, the levels of its rules across it, gaps where nothing was told.

import { clock, common, plot, timeAxis, valueAxis } from "../alarms/plot.js";

const DAY = 24 * 3600 * 1000;
const AGAIN = 60 * 1000;
const box = document.querySelector("[data-sensor-chart]");
const none = document.querySelector("[data-none]");
const failed = document.querySelector("[data-failed]");
const buttons = [...document.querySelectorAll("[data-span]")];
const { unit, levels, zone, series, interval_s: interval } = JSON.parse(document.getElementById("sensor-chart").textContent);
const told = clock(zone, true);
const days = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, month: "2-digit", day: "2-digit" });
let span = 1;
let points = [];
let until = Date.now();
let drawn = null; // a promise: who asks while the first is drawn makes no second
let asked = 0;

// A point without a value where nothing was told for long, so that no line is drawn across.
function withGaps(list) {
  const longest = Math.max(3 * interval * 1000, 10 * 60 * 1000, (span * DAY) / 150);
  const shown = [];
  for (const point of list) {
    const before = shown[shown.length - 1];
    if (before && point[0] - before[0] > longest) shown.push([before[0] + 1, null]);
    shown.push(point);
  }
  return shown;
}

function options(paint) {
  const since = until - span * DAY;
  const axis = timeAxis(paint, zone, [since, until]);
  if (span > 1) axis.axisLabel.formatter = (moment) => days.format(new Date(moment));
  const highest = Math.max(...points.map(([, value]) => value), 0);
  const near = levels.filter(({ at }) => at <= Math.max(highest * 3, levels[0].at * 1.2)); // the others would flatten the line
  const top = Math.max(...near.map(({ at }) => at * 1.1), -Infinity);
  return {
    ...common(paint),
    tooltip: { ...common(paint).tooltip, formatter: ([one]) => (one.value[1] === null ? "" : `${told(one.value[0])}\n${one.value[1]} ${unit}`) },
    grid: { left: 8, right: near.length ? 84 : 16, top: 28, bottom: 8, containLabel: true },
    xAxis: axis,
    yAxis: valueAxis(paint, unit, { scale: true, ...(top > highest ? { max: top } : {}) }),
    series: [{
      type: "line", data: withGaps(points), showSymbol: points.length < 3, connectNulls: false, lineStyle: { color: paint.line, width: 1.75 }, itemStyle: { color: paint.line },
      markLine: { silent: true, symbol: "none", data: near.map((one) => ({ yAxis: one.at, label: { formatter: `${one.word} ${one.at}`, color: one.rank > 1 ? paint.bad : paint.warn, position: "end" }, lineStyle: { color: one.rank > 1 ? paint.bad : paint.warn, type: "dashed" } })) },
    }],
  };
}

async function fetched(turn) {
  const now = Date.now();
  const query = new URLSearchParams({ since: new Date(now - span * DAY).toISOString(), until: new Date(now).toISOString() });
  try {
    const answer = await fetch(`${series}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    if (turn !== asked) return;
    [points, until] = [found.points, now];
    failed.hidden = true;
  } catch {
    if (turn === asked) failed.hidden = false;
    return;
  }
  [box.hidden, none.hidden] = [!points.length, Boolean(points.length)];
  if (!points.length) return;
  if (drawn) (await drawn).again();
  else await (drawn = plot(box, options));
}

function show() {
  asked += 1;
  return fetched(asked);
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    span = Number(button.dataset.span);
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    show();
  });
}
setInterval(() => { if (span === 1 && !document.hidden) show(); }, AGAIN);
show();
