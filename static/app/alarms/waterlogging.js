// The day of water: rain as bars from above, the depth of the deepest places as lines, cases as points; a point opens its
// case. Everything stands in tables below, which follow alarms and readings.

import { clock, common, plot, timeAxis, valueAxis } from "./plot.js";
import { fresh } from "./fresh.js";

const LINES = ["#2563eb", "#c026d3", "#0d9488", "#ca8a04", "#64748b"];
const read = (page) => JSON.parse(page.querySelector("#water-chart").textContent);
let told = read(document);

// The next multiple of a step: an axis ends at a round number.
const upTo = (value, step) => Number((Math.ceil(value / step) * step).toPrecision(6));
const narrow = () => matchMedia("(max-width: 767px)").matches;  // there the legend alone names the rain

function options(paint) {
  const { rain, curves, cases, span, zone, words } = told;
  const moment = clock(zone, true);
  const deepest = Math.max(0.1, ...curves.flatMap((one) => one.points.map(([, value]) => value)));
  return {
    ...common(paint),
    legend: { top: 0, left: 0, type: "scroll", textStyle: { color: paint.soft } },
    tooltip: { ...common(paint).tooltip, trigger: "item", formatter: ({ seriesName, value }) => `${moment(value[0])}\n${value[2] ? `${value[2]}\n${value[3]} ${value[4]}` : `${seriesName} ${value[1]}`}` },
    grid: { left: 8, right: 8, top: 56, bottom: 8, containLabel: true },
    xAxis: timeAxis(paint, zone, span),
    yAxis: [valueAxis(paint, words.depth, { min: 0, max: (range) => upTo(Math.max(0.3, range.max * 1.6), 0.1) }), valueAxis(paint, narrow() ? "" : words.rain, { inverse: true, min: 0, max: (range) => upTo(Math.max(5, range.max * 2.6), 5), splitLine: { show: false }, nameLocation: "start", nameTextStyle: { color: paint.soft, align: "right" } })],
    series: [
      { name: words.rain, type: "bar", yAxisIndex: 1, data: rain, barMaxWidth: 10, itemStyle: { color: paint.line, opacity: 0.45 } },
      ...curves.map((one, place) => ({ name: one.name, type: "line", data: one.points, showSymbol: false, lineStyle: { width: 2, color: LINES[place] }, itemStyle: { color: LINES[place] } })),
      { name: words.cases, type: "scatter", symbol: "diamond", symbolSize: 14, cursor: "pointer", itemStyle: { color: paint.bad, borderColor: paint.face, borderWidth: 2 }, data: cases.map(([at, number, name, place]) => ({ value: [at, deepest * 1.25, number, name, place] })) },
    ],
  };
}

const open = ({ value }) => { if (value && value[2]) window.location.href = told.case_address + value[2]; };
const drawn = plot(document.querySelector("[data-water-chart]"), options, open);

async function put(old, now) {
  const chart = old.querySelector("[data-water-chart]");
  told = read(now);
  now.querySelector("[data-water-chart]").replaceWith(chart);
  old.replaceWith(now);
  (await drawn).again();
}

if (document.querySelector("[data-water][data-live]")) fresh("[data-water]", { put });
