// Where the phone is, and how far and in which direction something lies.

import { t } from "./dom.js";

const EARTH_M = 6_371_009;
const FRESH_MS = 20_000;
const DIRECTIONS = ["north", "north_east", "east", "south_east", "south", "south_west", "west", "north_west"];

let last = null;
const listeners = new Set();

const told = ({ coords, timestamp }) => ({
  lon: coords.longitude, lat: coords.latitude, accuracy: coords.accuracy, heading: Number.isFinite(coords.heading) ? coords.heading : null, at: timestamp,
});

export function listen(listener) {
  listeners.add(listener);
  if (last) listener(last);
}

export const latest = () => last;

// A position of now; one that is a few seconds old will do. Rejects when there is none.
export function position({ exact = true, timeout = 15_000, fresh = FRESH_MS } = {}) {
  return new Promise((resolve, reject) => {
    if (!window.isSecureContext || !navigator.geolocation) return reject(new Error("insecure"));
    navigator.geolocation.getCurrentPosition((found) => {
      last = told(found);
      for (const listener of listeners) listener(last);
      resolve(last);
    }, reject, { enableHighAccuracy: exact, timeout, maximumAge: fresh });
    return undefined;
  });
}

const radians = (degrees) => (degrees * Math.PI) / 180;

export function distance(one, other) {
  const half = Math.sin(radians(other.lat - one.lat) / 2) ** 2
    + Math.cos(radians(one.lat)) * Math.cos(radians(other.lat)) * Math.sin(radians(other.lon - one.lon) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(half));
}

// Degrees from north, clockwise.
export function bearing(one, other) {
  const across = radians(other.lon - one.lon);
  const y = Math.sin(across) * Math.cos(radians(other.lat));
  const x = Math.cos(radians(one.lat)) * Math.sin(radians(other.lat)) - Math.sin(radians(one.lat)) * Math.cos(radians(other.lat)) * Math.cos(across);
  return ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360;
}

export const direction = (degrees) => t(DIRECTIONS[Math.round(degrees / 45) % 8]);

// The address that opens the phone's own map.
export function wayTo({ lon, lat }, word) {
  const apple = /iPhone|iPad|Macintosh/.test(navigator.userAgent);
  return apple ? `maps:?ll=${lat},${lon}&q=${encodeURIComponent(word)}` : `geo:${lat},${lon}?q=${lat},${lon}(${encodeURIComponent(word)})`;
}

// Whether a place lies in a ring of [lon, lat].
function crosses(ring, { lon, lat }) {
  let inside = false;
  for (let here = 0, before = ring.length - 1; here < ring.length; before = here, here += 1) {
    const [ax, ay] = ring[here];
    const [bx, by] = ring[before];
    if (ay > lat !== by > lat && lon < ((bx - ax) * (lat - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export const within = (geometry, place) => geometry.coordinates.reduce((inside, ring) => (crosses(ring, place) ? !inside : inside), false);
