// How the features of each layer look: a function (feature, coords, paints, scale, page) -> look, or null for not drawn.
// Colours are the custom properties of maps.css, which the legend uses too.

// Pixels of a tile's side.
export const SIDE = 256;

const NAMES = [
  "land", "county", "subdistrict", "community", "cell", "beat", "duty", "beat-line", "intact", "damaged", "edge",
  "hot-99", "hot-95", "hot-90", "cold", "heat-1", "heat-2", "heat-3", "heat-4", "heat-5",
  "zone-special", "zone-control", "zone-planned", "metro",
  "sensor-alarm", "sensor-silent", "sensor-ok", "sensor-new",
  "emergency-1", "emergency-3", "level-1", "level-2", "level-3", "level-4", "level-0", "level-alarm",
  "more-2", "more-1", "same", "less-1", "less-2", "unknown",
  "phase-hoarding", "phase-utilities", "phase-excavation", "phase-structure", "phase-backfill", "phase-restored", "phase-none",
  "road-closure", "road-narrowed", "road-diversion", "road-conflict", "road-closed", "road-slowed", "road-open", "alarm-1", "alarm-2",
];

// The colours of the theme that is on.
export function paintsOf(container) {
  const style = getComputedStyle(container);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--wg-${name}`).trim()]));
}

// The way around the earth of web mercator.
const AROUND_M = 40075016.7;

// The zoom of the bins in a tile (fn.case_bins_tile).
function binZoom(zoom) {
  return zoom <= 9 ? Math.min(zoom + 6, 14) : Math.max(Math.min(zoom + 6, 16), zoom);
}

// The square of a bin in its tile, and its ground in square metres.
export function binSquare(feature, coords) {
  const side = SIDE / 2 ** (binZoom(coords.z) - coords.z);
  const [[[x, y]]] = feature.parts;
  return [Math.floor(x / side) * side, Math.floor(y / side) * side, side, side];
}

export function binArea(feature, coords) {
  const [, y, , side] = binSquare(feature, coords);
  const line = (coords.y + (y + side / 2) / SIDE) / 2 ** coords.z;
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - 2 * line)));
  return ((AROUND_M * Math.cos(latitude)) / 2 ** binZoom(coords.z)) ** 2;
}

function heat(value, paints, scale, more) {
  const step = scale.step(value);
  return step ? { fill: paints[`heat-${step}`], ...more } : null;
}

// Works that lie in the city as a whole are discs; near by their ground, and what they do to roads.
const PHASES = ["hoarding", "utilities", "excavation", "structure", "backfill", "restored"];
const ROADS = { closure: [5, []], narrowed: [4, [10, 5]], diversion: [4, [2, 6]] };

function works(feature, paints, zoom) {
  const { part, phase } = feature.properties;
  if (part !== "zone") return { line: paints[`road-${part}`], width: ROADS[part][0], dash: ROADS[part][1] };
  const paint = paints[PHASES.includes(phase) ? `phase-${phase}` : "phase-none"];
  if (feature.type === 1) return { fill: paint, radius: zoom < 11 ? 4 : zoom < 13 ? 6 : 8, line: paints.land, width: 2 };
  return { fill: paint, opacity: zoom < 16 ? 0.7 : 0.45, line: paint, width: 2 };
}

export const STYLES = {
  construction: (feature, coords, paints) => works(feature, paints, coords.z),
  land: (feature, coords, paints) => ({ fill: paints.land }),
  county: (feature, coords, paints) => ({ line: paints.county, width: coords.z < 10 ? 1.5 : 2.5 }),
  subdistrict: (feature, coords, paints) => ({ line: paints.subdistrict, width: 1.25 }),
  community: (feature, coords, paints) => ({ line: paints.community, width: 1, dash: [5, 4] }),
  cells: (feature, coords, paints) => ({ line: paints.cell, width: coords.z < 16 ? 0.5 : 0.8, fill: paints.cell, opacity: 0.03 }),
  beats: (feature, coords, paints, scale, page) => {
    const paint = page.duty.some((one) => one.beat_code === feature.properties.code) ? paints.duty : paints.beat;
    if (feature.type === 1) return { fill: paint, radius: 4, line: paints["beat-line"] };
    return { fill: paint, opacity: 0.28, line: paints["beat-line"], width: 1.5 };
  },
  bins: (feature, coords, paints, scale) => {
    return heat(feature.properties.count, paints, scale, { square: binSquare(feature, coords), opacity: 0.85 });
  },
  cells_by_count: (feature, coords, paints, scale) =>
    heat(feature.properties.count, paints, scale, { opacity: 0.72, line: paints.edge, width: 0.5 }),
  areas_by_count: (feature, coords, paints, scale) =>
    heat(feature.properties.count, paints, scale, { opacity: 0.72, line: paints.edge, width: 1 }),
  hotspots: (feature, coords, paints) => {
    const { called, hottest, coldest } = feature.properties;
    const sure = called ?? (hottest > 0 ? hottest : coldest);
    if (!sure) return null;
    const fill = sure > 0 ? paints[`hot-${sure}`] : paints.cold;
    if (feature.type === 3) return { fill, opacity: 0.75, line: paints.edge, width: 0.5 };
    const [[[x, y]]] = feature.parts;
    return { fill, opacity: 0.85, square: [Math.floor(x / 4) * 4, Math.floor(y / 4) * 4, 4, 4] };
  },
  hazards: (feature, coords, paints) => {
    const { level, live } = feature.properties;
    const paint = paints[`level-${level}`];
    const line = live === "alarm" ? paints["level-alarm"] : paints.land;
    if (feature.type === 1) return { fill: paint, radius: coords.z < 11 ? 5 : 7, line, width: live === "alarm" ? 3.5 : 2 };
    return { fill: paint, opacity: 0.3, line: live === "alarm" ? paints["level-alarm"] : paint, width: 2 };
  },
  alarms: (feature, coords, paints) => ({ fill: paints[feature.properties.rank > 1 ? "alarm-2" : "alarm-1"], radius: 8, line: paints.land, width: 2.5 }),
  sensors: (feature, coords, paints) => ({ fill: paints[`sensor-${feature.properties.state}`], radius: coords.z < 11 ? 4 : coords.z < 14 ? 5.5 : 7, line: paints.land, width: 2 }),
  waterlogging: (feature, coords, paints) => ({ fill: paints[`road-${feature.properties.road}`], radius: coords.z < 12 ? 5 : 7, line: paints.land, width: 2 }),
  emergency: (feature, coords, paints) => {
    const paint = paints[feature.properties.level < 3 ? "emergency-1" : "emergency-3"];
    if (feature.type === 1) return { fill: paint, radius: 7, line: paints.land, width: 2 };
    return { fill: paint, opacity: 0.16, line: paint, width: 2, dash: [6, 4] };
  },
  metro: (feature, coords, paints) => {
    const { part, kind, colour } = feature.properties;
    if (part === "zone") {
      const paint = paints[`zone-${kind}`];
      return { fill: paint, opacity: kind === "special" ? 0.34 : 0.2, line: paint, width: 0.75 };
    }
    const paint = colour || paints.metro;
    if (part === "line") return { line: paint, width: coords.z < 12 ? 2 : coords.z < 15 ? 3 : 4 };
    if (part === "outline") return { line: paint, width: 2, fill: paint, opacity: 0.3 };
    return { fill: paints.land, radius: coords.z < 13 ? 2.5 : coords.z < 15 ? 4 : 6, line: paint, width: coords.z < 13 ? 1.5 : 2.5 };
  },
  components: (feature, coords, paints) => {
    const { count, not_intact: not, state } = feature.properties;
    if (state === undefined) {
      return { fill: not ? paints.damaged : paints.intact, radius: Math.min(1.5 + Math.sqrt(count) / 2, 6), opacity: 0.75 };
    }
    const paint = state === "intact" ? paints.intact : paints.damaged;
    if (feature.type === 1) return { fill: paint, radius: coords.z < 17 ? 3 : 4.5, line: paints.land, width: 1 };
    return { line: paint, width: 2.5, ...(feature.type === 3 ? { fill: paint, opacity: 0.25 } : {}) };
  },
};

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8];

// The next round number (..., 0.8, 1, 1.5, 2, 3, ... 8, 10, 15, ...) that is not below the value; whole ones of a count.
function rounded(value, whole) {
  for (let power = whole ? 0 : Math.floor(Math.log10(value)); ; power += 1) {
    const found = ROUND.map((digit) => Number(`${digit}e${power}`)).find((one) => one >= value && (!whole || Number.isInteger(one)));
    if (found) return found;
  }
}

const plain = new Intl.NumberFormat();

// Which of the five colours so many steps take: a count of one alone is no alarm.
const TAKEN = [[], [2], [2, 4], [1, 3, 5], [1, 2, 4, 5], [1, 2, 3, 4, 5]];

// Steps of a count, five at most, from what is in view: half of the places are in the first, a fiftieth in the last.
export class Scale {
  // `least`: the smallest count that is told.
  constructor(least = 1) {
    this.least = least;
    this.from = [least];
    this.whole = true;
  }

  // True when the steps are others than before. `whole`: counts, which begin with the smallest told; rates begin with 0.
  measure(values, whole = true) {
    const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
    if (!sorted.length) return false;
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
    const from = [whole ? this.least : 0];
    for (const part of [0.5, 0.75, 0.9, 0.98]) {
      const next = rounded(at(part), whole);
      if (next > from.at(-1) && next <= sorted.at(-1)) from.push(next);
    }
    const changed = from.join() !== this.from.join();
    this.from = from;
    this.whole = whole;
    return changed;
  }

  // The colour of a count, 1 to 5; 0 for none.
  step(value) {
    return value > 0 ? TAKEN[this.from.length][this.from.findLastIndex((from) => value >= from)] : 0;
  }

  rows() {
    return this.from.map((from, place) => {
      const next = this.from[place + 1];
      return { step: TAKEN[this.from.length][place], words: this.whole ? wholeWords(from, next) : rateWords(from, next) };
    });
  }
}

function wholeWords(from, next) {
  if (next === undefined) return `${plain.format(from)}+`;
  return next - 1 === from ? `${from}` : `${plain.format(from)}–${plain.format(next - 1)}`;
}

function rateWords(from, next) {
  if (next === undefined) return `≥ ${plain.format(from)}`;
  return from ? `${plain.format(from)} – < ${plain.format(next)}` : `< ${plain.format(next)}`;
}
