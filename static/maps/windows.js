// Windows of time: the day, the calendar week (from Monday) or the calendar month in which a day lies. Days are texts
// such as 2026-11-22, those of the city.

const MS_OF_DAY = 86400000;

function moment(day) {
  return new Date(`${day}T12:00:00Z`);
}

function text(at) {
  return at.toISOString().slice(0, 10);
}

export function later(day, days) {
  return text(new Date(moment(day).getTime() + days * MS_OF_DAY));
}

export function daysBetween(since, until) {
  return Math.round((moment(until) - moment(since)) / MS_OF_DAY);
}

const FIRST_OF = {
  day: (day) => day,
  week: (day) => later(day, -((moment(day).getUTCDay() + 6) % 7)),
  month: (day) => `${day.slice(0, 8)}01`,
};

const AFTER = {
  day: (first) => later(first, 1),
  week: (first) => later(first, 7),
  month: (first) => FIRST_OF.month(later(first, 31)),
};

// The window of a step that holds a day; it ends at the latest on `last`.
export function windowOf(step, day, last) {
  const since = FIRST_OF[step](day);
  const until = later(AFTER[step](since), -1);
  return { since, until: until > last ? last : until };
}

// All windows from that of the first day to that of the last, in order of time.
export function windowsOf(step, first, last) {
  const found = [];
  for (let day = FIRST_OF[step](first); day <= last; day = AFTER[step](day)) found.push(windowOf(step, day, last));
  return found;
}

// The span that another is compared with: as long and just before it, or the same days a year earlier.
export function earlier(how, { since, until }) {
  if (how === "year") return { since: yearBefore(since), until: yearBefore(until) };
  return { since: later(since, -daysBetween(since, until) - 1), until: later(since, -1) };
}

// 29 February becomes 28 February.
function yearBefore(day) {
  const year = Number(day.slice(0, 4)) - 1;
  return day.endsWith("-02-29") ? `${year}-02-28` : year + day.slice(4);
}

// What a window is called, in the reader's language.
export function windowWords(step, { since, until }, lang) {
  const make = (options) => new Intl.DateTimeFormat(lang, { timeZone: "UTC", ...options });
  if (step === "month") return make({ year: "numeric", month: "long" }).format(moment(since));
  if (step === "day") return make({ year: "numeric", month: "short", day: "numeric", weekday: "short" }).format(moment(since));
  return make({ year: "numeric", month: "short", day: "numeric" }).formatRange(moment(since), moment(until));
}
