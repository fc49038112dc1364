// What the charts of alarms share: ECharts fetched once, colours of the page, moments in the city's time.

const ADDRESS = new URL(import.meta.url).pathname.replace(/app\/alarms\/.*$/, "vendor/echarts/dist/echarts.common.min.js");
let loading = null;

function echarts() {
  loading = loading || import(ADDRESS).then(() => window.echarts);
  return loading;
}

export function paints() {
  const style = getComputedStyle(document.body);
  const of = (name) => style.getPropertyValue(`--wg-${name}`).trim();
  return { ink: of("text"), soft: of("quiet"), rule: of("line"), face: of("ground"), line: of("primary"), warn: of("warn"), bad: of("bad") };
}

// A moment as the city reads it: hour and minute, with the day where `long`.
export function clock(zone, long = false) {
  const parts = { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(long ? { month: "2-digit", day: "2-digit" } : {}) };
  const format = new Intl.DateTimeFormat(document.documentElement.lang, parts);
  return (moment) => format.format(new Date(moment));
}

export function common(paint) {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12, color: paint.ink },
    tooltip: { trigger: "axis", confine: true, renderMode: "richText", backgroundColor: paint.face, borderColor: paint.rule, textStyle: { color: paint.ink, fontSize: 12 } },
    aria: { enabled: false },
  };
}

export function timeAxis(paint, zone, span) {
  const told = clock(zone);
  return { type: "time", min: span[0], max: span[1], axisLine: { lineStyle: { color: paint.rule } }, axisLabel: { color: paint.soft, hideOverlap: true, formatter: told }, splitLine: { show: false } };
}

export function valueAxis(paint, name, more = {}) {
  return { type: "value", name, nameTextStyle: { color: paint.soft, align: "left" }, axisLabel: { color: paint.soft }, splitLine: { lineStyle: { color: paint.rule } }, ...more };
}

// Draw a chart in a box, and again for another theme or width. `options(paints)` are ECharts' own.
export async function plot(box, options, opened) {
  const library = await echarts();
  let chart = null;
  const draw = () => {
    if (chart) chart.dispose();
    chart = library.init(box, null, { renderer: "canvas" });
    chart.setOption(options(paints()));
    if (opened) chart.on("click", opened);
    box.dataset.drawn = "yes";
  };
  draw();
  document.documentElement.addEventListener("webgis:theme", draw);
  new ResizeObserver(() => chart.resize()).observe(box);
  return { again: draw };
}

// The points of a line that have no neighbour within `longest` milliseconds: no line leads to them, so they are dots.
export function alone(points, longest) {
  const far = (one, other) => !other || Math.abs(one[0] - other[0]) > longest;
  return points.filter((one, place) => far(one, points[place - 1]) && far(one, points[place + 1]));
}

// A line of a level across the chart, with its name at the end.
export function levelLine(paint, one) {
  const colour = one.rank > 1 ? paint.bad : paint.warn;
  return { yAxis: one.at, label: { formatter: `${one.word} ${one.at}`, color: colour, position: "end" }, lineStyle: { color: colour, type: "dashed" } };
}
