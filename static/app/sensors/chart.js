// The readings of a sensor: a line over the chosen span, dots where one stands alone, gaps where nothing was told; the levels of
// its rules across it, those of some hours in these hours alone.

import { alone, clock, common, levelLine, plot, timeAxis, valueAxis } from "../alarms/plot.js";

const DAY = 24 * 3600 * 1000;
const AGAIN = 60 * 1000;
const STEP = 5 * 60 * 1000; // hours of levels are looked at so finely
const LONGEST_HOURS = 7; // days: of more, hours are too narrow to be seen
const box = document.querySelector("[data-sensor-chart]");
const none = document.querySelector("[data-none]");
const failed = document.querySelector("[data-failed]");
const buttons = [...document.querySelectorAll("[data-span]")];
const { unit, levels, zone, series, interval_s: interval } = JSON.parse(document.getElementById("sensor-chart").textContent);
const told = clock(zone, true);
const hour = clock(zone);
const days = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, month: "2-digit", day: "2-digit" });
let span = 1;
let points = [];
let until = Date.now();
let drawn = null; // a promise: who asks while the first is drawn makes no second
let asked = 0;

// Readings further apart than this are no line.
const longest = () => Math.max(3 * interval * 1000, 10 * 60 * 1000, (span * DAY) / 150);

// A point without a value where nothing was told for long, so that no line is drawn across.
function withGaps(list) {
  const shown = [];
  for (const point of list) {
    const before = shown[shown.length - 1];
    if (before && point[0] - before[0] > longest()) shown.push([before[0] + 1, null]);
    shown.push(point);
  }
  return shown;
}

// From when until when a level of some hours is looked at.
function inHours({ hours }, since) {
  const [from, to] = hours.split("-");
  const found = [];
  for (let at = Math.floor(since / STEP) * STEP; at < until; at += STEP) {
    const now = hour(at);
    if (from <= to ? now < from || now >= to : now < from && now >= to) continue;
    const last = found[found.length - 1];
    if (last && last[1] === at) last[1] = at + STEP;
    else found.push([at, at + STEP]);
  }
  return found.map(([begin, end]) => [Math.max(begin, since), Math.min(end, until)]);
}

// The lines of levels; the names of those at one height stand together at the end.
function levelLines(paint, near, since) {
  const lines = [];
  for (const height of new Set(near.map(({ at }) => at))) {
    const same = near.filter(({ at }) => at === height);
    const names = [...new Set(same.map(({ word }) => word))].join("\n");
    const whole = levelLine(paint, { word: names, at: height, rank: Math.max(...same.map(({ rank }) => rank)) });
    const parts = same.some(({ hours }) => !hours) || span > LONGEST_HOURS ? [] : same.flatMap((one) => inHours(one, since).map((part) => [one, part]));
    lines.push(parts.length ? { ...whole, lineStyle: { color: "transparent" } } : whole);
    for (const [one, [begin, end]] of parts) lines.push([{ coord: [begin, height], label: { show: false }, lineStyle: levelLine(paint, one).lineStyle }, { coord: [end, height] }]);
  }
  return lines;
}

// How wide a label is, about: of Chinese a character is as wide as it is high.
const wide = (text) => [...text].reduce((sum, one) => sum + (one > "\u2e80" ? 12 : 6.5), 0);

function options(paint) {
  const since = until - span * DAY;
  const axis = timeAxis(paint, zone, [since, until]);
  if (span > 1) axis.axisLabel.formatter = (moment) => days.format(new Date(moment));
  const highest = Math.max(...points.map(([, value]) => value), 0);
  const near = levels.filter(({ at }) => at <= Math.max(highest * 3, levels[0].at * 1.2)); // the others would flatten the line
  const top = Math.max(...near.map(({ at }) => at * 1.1), -Infinity);
  return {
    ...common(paint),
    tooltip: { ...common(paint).tooltip, formatter: (all) => all.filter(({ value }) => value[1] !== null).slice(0, 1).map(({ value }) => `${told(value[0])}\n${value[1]} ${unit}`).join("") },
    grid: { left: 8, right: near.length ? 16 + Math.max(...near.map(({ word, at }) => wide(`${word} ${at}`))) : 16, top: 28, bottom: 8, containLabel: true },
    xAxis: axis,
    yAxis: valueAxis(paint, unit, { scale: true, ...(top > highest ? { max: top } : {}) }),
    series: [{
      type: "line", data: withGaps(points), showSymbol: false, connectNulls: false, lineStyle: { color: paint.line, width: 1.75 }, itemStyle: { color: paint.line },
      markLine: { silent: true, symbol: "none", label: { show: true }, data: levelLines(paint, near, since) },
    }, { type: "scatter", data: alone(points, longest()), symbolSize: 6, itemStyle: { color: paint.line } }],
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
