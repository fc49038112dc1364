// How often the phone is asked where it is while somebody is on shift, so that a battery lasts the day: often and exactly
// while they walk, seldom and roughly while they stand. Values in, values out.

const MOVED_M = 20;
const STILL_S = 180;

export const WALKING = { seconds: 30, exact: true };
export const STANDING = { seconds: 120, exact: false };
export const MOST_SILENT_S = 300;

// Whether a position is worth a point of the track: moved on, or so long ago that the shift would look forgotten.
export function worth(before, now, moved) {
  if (!before) return true;
  return moved >= Math.max(MOVED_M, (now.accuracy || 0) / 2) || now.at - before.at >= MOST_SILENT_S * 1000;
}

// How to ask next: `movedAt` is when they last moved (milliseconds).
export const pace = (movedAt, now) => (now - movedAt > STILL_S * 1000 ? STANDING : WALKING);

// Whether a batch goes out: it is long enough, or old enough.
export const full = (points, now) => points.length >= 20 || (points.length > 0 && now - Date.parse(points[0].at) >= MOST_SILENT_S * 1000);
