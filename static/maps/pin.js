// The pin of one place, on small maps and where something was searched for.

import { element } from "./dom.js";

export function pinIcon(colour) {
  const made = element("span", "wg-pin");
  if (colour) made.style.setProperty("--wg-colour", colour);
  return L.divIcon({ html: made, className: "wg-pin-box", iconSize: [32, 42], iconAnchor: [16, 40] });
}
