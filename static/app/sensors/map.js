// Where a sensor stands: shown on its page, chosen on its form, where a tap fills the fields and the fields move the dot.

import { ready } from "../../maps/dom.js";
import { ground } from "../place.js";

const COLOURS = { alarm: "#b91c1c", silent: "#b45309", ok: "#15803d", new: "#64748b", off: "#64748b" };
const holder = document.querySelector("[data-sensor-map]");
const { lon, lat, state, bounds, pick } = holder.dataset;
const [west, south, east, north] = (bounds || "").split(",").map(Number);
const map = ground(holder, lon && lat ? [Number(lat), Number(lon)] : L.latLngBounds([south, west], [north, east]));
const dot = L.circleMarker([0, 0], { radius: 9, color: "#fff", weight: 2.5, fillColor: COLOURS[state], fillOpacity: 1, interactive: false });

function move(place) {
  dot.setLatLng(place).addTo(map);
}

if (lon && lat) move([Number(lat), Number(lon)]);
if (pick !== undefined) {
  const [east, north] = ["lon", "lat"].map((name) => document.getElementById(name));
  map.on("click", ({ latlng }) => {
    east.value = latlng.lng.toFixed(6);
    north.value = latlng.lat.toFixed(6);
    move(latlng);
  });
  for (const field of [east, north]) {
    field.addEventListener("change", () => {
      const place = [Number(north.value), Number(east.value)];
      if (east.value && north.value && place.every(Number.isFinite) && Math.abs(place[0]) < 90) {
        move(place);
        map.panTo(place);
      }
    });
  }
}
ready(map, "sensor", 1);
