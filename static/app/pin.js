// A place chosen by a pin that can be set, dragged or taken from the phone, and the cell it lies in.

import { distance, ground, position } from "./place.js";
import { placeSearch } from "./place_search.js";
import { pinIcon } from "../maps/pin.js";

// A tap on the whole city says roughly where: come closer, so that the pin can be put right.
const CLOSE = 17;

function nameOf(area) {
  return (document.documentElement.lang === "en" && area.name_en) || area.name_zh || area.name;
}

export function pinMap(box) {
  const form = box.closest("form");
  const line = form.querySelector("[data-cell-line]");
  const words = line.dataset;
  const shown = { code: line.querySelector("[data-cell-code]"), areas: line.querySelector("[data-cell-areas]") };
  const fields = { lon: form.elements.lon, lat: form.elements.lat, accuracy: form.elements.accuracy_m };

  const [west, south, east, north] = box.dataset.bounds.split(",").map(Number);
  const given = box.dataset.lon && box.dataset.lat ? [Number(box.dataset.lat), Number(box.dataset.lon)] : null;
  const map = ground(box, given || L.latLngBounds([south, west], [north, east]));

  box.dispatchEvent(new CustomEvent("webgis:map", { detail: map }));

  let pin = null;
  let circle = null;
  let question = null;

  function tell(code, text, tone) {
    shown.code.textContent = code;
    shown.areas.textContent = text;
    line.dataset.tone = tone;
  }

  async function lookUp(lon, lat) {
    if (question) question.abort();
    question = new AbortController();
    const suffix = fields.accuracy.value ? ` · ${words.wordAccuracy.replace("{m}", Math.round(Number(fields.accuracy.value)))}` : "";
    try {
      const query = new URLSearchParams({ lon, lat, crs: "wgs84" });
      const answer = await fetch(`${box.dataset.cell}?${query}`, { signal: question.signal });
      const data = await answer.json();
      if (answer.ok) {
        const names = (data.properties.areas || []).map((area) => nameOf(area));
        tell(data.properties.code, names.join(" › ") + suffix, "good");
      } else if (answer.status === 404) {
        const metres = data.distance_m ?? data.nearest_m ?? data.metres;
        tell("", metres === undefined ? words.wordNowhere : words.wordOutside.replace("{m}", distance(metres)), "bad");
      } else tell("", data.title || words.wordFail, "bad");
    } catch (error) {
      if (error.name !== "AbortError") tell("", words.wordFail, "bad");
    }
  }

  function put(lat, lon, accuracy) {
    fields.lon.value = lon.toFixed(6);
    fields.lat.value = lat.toFixed(6);
    fields.accuracy.value = accuracy ? accuracy.toFixed(1) : "";
    if (!pin) {
      pin = L.marker([lat, lon], { icon: pinIcon(), draggable: true, autoPan: true, keyboard: true, alt: box.dataset.label });
      pin.on("dragend", () => point(pin.getLatLng().lat, pin.getLatLng().lng));
      pin.addTo(map);
      pin.getElement().setAttribute("aria-label", box.dataset.label);
    }
    pin.setLatLng([lat, lon]);
    if (circle) circle.remove();
    circle = accuracy ? L.circle([lat, lon], { radius: accuracy, weight: 1, color: "#2563eb", fillOpacity: 0.12, interactive: false }).addTo(map) : null;
    tell("", words.wordWait, "");
    lookUp(lon, lat);
    box.dispatchEvent(new CustomEvent("webgis:pin"));
  }

  const address = form.querySelector("[data-place-search]");
  const near = address && placeSearch(address, {
    from: () => {
      const { lat, lng } = pin ? pin.getLatLng() : map.getCenter();
      return { lon: lng.toFixed(6), lat: lat.toFixed(6) };
    },
    put: (place) => {
      put(place.lat, place.lon);
      map.setView([place.lat, place.lon], CLOSE);
    },
  });

  function point(lat, lon, accuracy) {
    put(lat, lon, accuracy);
    if (near) near(lon.toFixed(6), lat.toFixed(6));
  }

  map.on("click", (event) => {
    if (box.classList.contains("wg-drawing")) return; // a corner of what is drawn
    point(event.latlng.lat, event.latlng.lng);
    if (map.getZoom() < CLOSE - 1) map.setView(event.latlng, CLOSE);
  });

  for (const field of [fields.lon, fields.lat]) {
    field.addEventListener("change", () => {
      const [lon, lat] = [Number(fields.lon.value), Number(fields.lat.value)];
      if (!fields.lon.value || !fields.lat.value || !Number.isFinite(lon + lat) || Math.abs(lat) > 90) return;
      point(lat, lon);
      map.setView([lat, lon], 17);
    });
  }

  form.querySelector("[data-locate]").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    if (!window.isSecureContext) return tell("", words.wordSecure, "bad");
    button.setAttribute("aria-busy", "true");
    try {
      const { coords } = await position();
      point(coords.latitude, coords.longitude, coords.accuracy);
      map.setView([coords.latitude, coords.longitude], 17);
    } catch {
      tell("", words.wordDenied, "bad");
    }
    button.removeAttribute("aria-busy");
    return undefined;
  });

  if (given) put(given[0], given[1], Number(fields.accuracy.value) || 0);
}
