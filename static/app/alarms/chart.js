// The readings around an alarm, beside them what its level looks at (a sum, a mean, a rise), the levels that look at the same
// across it, and the time of the alarm behind.

import { clock, common, levelLine, plot, timeAxis, valueAxis } from "./plot.js";

const box = document.querySelector("[data-alarm-chart]");
const { unit, points, measured, bars, levels, span, shown, zone, word, measured_word } = JSON.parse(document.getElementById("alarm-chart").textContent);
const told = clock(zone, true);
const SECOND = "#0d9488";
const FEW = 40;

const said = (all) => `${told(all[0].value[0])}\n${all.map((one) => `${one.seriesName} ${one.value[1]} ${unit}`).join("\n")}`;

function options(paint) {
  const line = (data, colour) => ({ type: "line", data, showSymbol: data.length <= FEW, symbol: "circle", lineStyle: { color: colour, width: 2 }, itemStyle: { color: colour } });
  const readings = bars ? { type: "bar", data: points, barWidth: 3, itemStyle: { color: paint.line } } : line(points, paint.line);
  return {
    ...common(paint),
    tooltip: { ...common(paint).tooltip, formatter: said },
    legend: { show: measured.length > 0, top: 0, right: 8, textStyle: { color: paint.soft } },
    grid: { left: 8, right: 104, top: 28, bottom: 8, containLabel: true },
    xAxis: timeAxis(paint, zone, shown),
    yAxis: valueAxis(paint, unit, { scale: false, max: (range) => Number((Math.max(range.max, ...levels.map((one) => one.at)) * 1.15).toPrecision(2)) }),
    series: [
      {
        name: word, ...readings,
        markArea: { silent: true, itemStyle: { color: paint.bad, opacity: 0.09 }, data: [[{ xAxis: span[0] }, { xAxis: span[1] }]] },
        markLine: { silent: true, symbol: "none", data: levels.map((one) => levelLine(paint, one)) },
      },
      ...(measured.length ? [{ name: measured_word, ...line(measured, SECOND), step: bars && "end" }] : []),
    ],
  };
}

if (points.length) plot(box, options);
else box.hidden = true;
