// The charts of the manager's page, drawn by ECharts from the data block of the page; a click opens the list behind.
// Everything that they show stands in tables too.

import { number } from "./format.js";

const ADDRESS = new URL(import.meta.url).pathname.replace(/app\/watch\/.*$/, "vendor/echarts/dist/echarts.common.min.js");
const ROW_PX = 30;
let loading = null;

// ECharts, fetched once: it is no module and calls itself by a global name.
function echarts() {
  loading = loading || import(ADDRESS).then(() => window.echarts);
  return loading;
}

function colours() {
  const style = getComputedStyle(document.body);
  const of = (name) => style.getPropertyValue(`--watch-${name}`).trim();
  return { ink: of("ink"), soft: of("soft"), rule: of("rule"), face: of("face"), one: of("one"), two: of("two"), three: of("three"), slices: [1, 2, 3, 4, 5, 6, 7, 8].map((step) => of(`slice-${step}`)) };
}

function common(paint, size) {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: size, color: paint.ink },
    tooltip: { trigger: "axis", confine: true, renderMode: "richText", backgroundColor: paint.face, borderColor: paint.rule, textStyle: { color: paint.ink, fontSize: size }, axisPointer: { type: "shadow" } },
    aria: { enabled: false },
  };
}

// A name that takes no more room than so many square signs; a Latin letter takes half of one.
function shortened(name, room) {
  let taken = 0;
  for (let place = 0; place < name.length; place += 1) {
    taken += name.charCodeAt(place) < 0x2e80 ? 0.56 : 1;
    if (taken > room - 1) return `${name.slice(0, place)}…`;
  }
  return name;
}

const OPTIONS = {
  trend: ({ trend, words }, paint, size) => ({
    ...common(paint, size),
    legend: { top: 0, left: 0, itemGap: size * 1.5, textStyle: { color: paint.soft, fontSize: size } },
    grid: { left: 4, right: 4, top: size * 3, bottom: 4, containLabel: true },
    xAxis: { type: "category", data: trend.map((row) => row.label), axisLine: { lineStyle: { color: paint.rule } }, axisTick: { show: false }, axisLabel: { color: paint.soft, fontSize: size, hideOverlap: true } },
    yAxis: [
      { type: "value", minInterval: 1, splitLine: { lineStyle: { color: paint.rule } }, axisLabel: { color: paint.soft, fontSize: size, formatter: number } },
      { type: "value", min: 0, max: 1, splitLine: { show: false }, axisLabel: { color: paint.soft, fontSize: size, formatter: (value) => `${Math.round(value * 100)}%` } },
    ],
    series: [
      { name: words.reported, type: "bar", data: trend.map((row) => row.values[0]), itemStyle: { color: paint.one, borderRadius: [2, 2, 0, 0] }, barGap: "8%", barCategoryGap: "30%", cursor: "pointer" },
      { name: words.closed, type: "bar", data: trend.map((row) => row.values[1]), itemStyle: { color: paint.two, borderRadius: [2, 2, 0, 0] }, cursor: "pointer" },
      { name: words.share, type: "line", yAxisIndex: 1, data: trend.map((row) => row.share), lineStyle: { color: paint.three, width: 2 }, itemStyle: { color: paint.three }, symbol: "circle", symbolSize: size / 2, connectNulls: false, cursor: "pointer", tooltip: { valueFormatter: (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)}%`) } },
    ],
  }),
  sources: ({ sources }, paint, size) => ({
    ...common(paint, size),
    color: paint.slices,
    tooltip: { ...common(paint, size).tooltip, trigger: "item", formatter: ({ name, value, percent }) => `${name}  ${number(value)} (${percent}%)` },
    series: [{
      type: "pie", radius: ["46%", "72%"], center: ["50%", "50%"], data: sources, cursor: "pointer", avoidLabelOverlap: true,
      itemStyle: { borderColor: paint.face, borderWidth: 2 },
      label: { color: paint.ink, fontSize: size, formatter: ({ name, percent }) => `${name}\n${percent}%`, lineHeight: size * 1.4 },
      labelLine: { length: 8, length2: 8, lineStyle: { color: paint.rule } },
    }],
  }),
  classes: ({ classes, words }, paint, size, width) => {
    const rows = [...classes].reverse();
    return {
      ...common(paint, size),
      grid: { left: 4, right: size * 4, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", show: false },
      yAxis: { type: "category", data: rows.map((row) => row.name), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: paint.ink, fontSize: size, formatter: (name) => shortened(name, Math.min(34, (width * 0.4) / size)) } },
      series: [{ name: words.reported, type: "bar", data: rows, itemStyle: { color: paint.one, borderRadius: [0, 3, 3, 0] }, barMaxWidth: size * 1.6, cursor: "pointer", label: { show: true, position: "right", color: paint.soft, fontSize: size, formatter: ({ value }) => number(value) } }],
    };
  },
};

const LINK_OF = {
  trend: (data, { dataIndex, seriesIndex }) => data.trend[dataIndex].links[seriesIndex],
  sources: (data, { dataIndex }) => data.sources[dataIndex].link,
  classes: (data, { dataIndex }) => [...data.classes].reverse()[dataIndex].link,
};

// All charts of a page. `data()` gives what they show now.
export class Charts {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.made = new Map();
    window.addEventListener("resize", () => this.paint());
    document.documentElement.addEventListener("webgis:theme", () => window.requestAnimationFrame(() => this.paint()));
    window.addEventListener("beforeprint", () => this.print(true));
    window.addEventListener("afterprint", () => this.print(false));
  }

  async draw() {
    this.library = await echarts();
    this.paint();
  }

  paint() {
    if (!this.library) return;
    const data = this.data();
    const paint = colours();
    for (const holder of this.root.querySelectorAll("[data-chart]")) {
      const { chart: name } = holder.dataset;
      holder.dataset.empty = !(data[name] || []).some((row) => row.value || (row.values && row.values.some(Boolean)));
      if (!holder.clientWidth) continue;
      if (name === "classes" && !holder.closest("[data-slide]")) holder.style.height = `${Math.max(data.classes.length, 2) * ROW_PX + 8}px`;
      const size = parseFloat(getComputedStyle(holder).fontSize);
      this.chart(holder, name).setOption(OPTIONS[name](data, paint, size, holder.clientWidth), true);
      holder.dataset.drawn = "yes";
    }
  }

  // The chart of an element, as large as it is now.
  chart(holder, name) {
    const made = this.made.get(holder);
    if (made) {
      made.resize();
      return made;
    }
    const chart = this.library.init(holder, null, { renderer: "svg" });
    chart.on("click", (event) => { window.location.href = LINK_OF[name](this.data(), event); });
    this.made.set(holder, chart);
    return chart;
  }

  // On paper all is light.
  print(on) {
    const { dataset } = document.documentElement;
    if (on) this.theme = dataset.bsTheme;
    dataset.bsTheme = on ? "light" : this.theme || "light";
    this.paint();
  }
}
