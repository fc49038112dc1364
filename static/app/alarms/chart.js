// The readings around an alarm: a line, the levels of the rule across it, and the time of the alarm behind.

import { clock, common, plot, timeAxis, valueAxis } from "./plot.js";

const box = document.querySelector("[data-alarm-chart]");
const { unit, points, levels, span, zone, word } = JSON.parse(document.getElementById("alarm-chart").textContent);
const told = clock(zone, true);

function options(paint) {
  const moments = points.map(([at]) => at);
  const all = [Math.min(span[0], ...moments), Math.max(span[1], ...moments)];
  return {
    ...common(paint),
    tooltip: { ...common(paint).tooltip, formatter: ([one]) => `${told(one.value[0])}\n${word} ${one.value[1]} ${unit}` },
    grid: { left: 8, right: 104, top: 28, bottom: 8, containLabel: true },
    xAxis: timeAxis(paint, zone, all),
    yAxis: valueAxis(paint, unit, { scale: false, max: (range) => Number((Math.max(range.max, ...levels.map((one) => one.at)) * 1.15).toPrecision(2)) }),
    series: [{
      type: "line", data: points, showSymbol: false, lineStyle: { color: paint.line, width: 2 }, itemStyle: { color: paint.line },
      markArea: { silent: true, itemStyle: { color: paint.bad, opacity: 0.09 }, data: [[{ xAxis: span[0] }, { xAxis: span[1] }]] },
      markLine: { silent: true, symbol: "none", data: levels.map((one) => ({ yAxis: one.at, label: { formatter: `${one.word} ${one.at}`, color: one.rank > 1 ? paint.bad : paint.warn, position: "end" }, lineStyle: { color: one.rank > 1 ? paint.bad : paint.warn, type: "dashed" } })) },
    }],
  };
}

if (points.length) plot(box, options);
else box.hidden = true;
