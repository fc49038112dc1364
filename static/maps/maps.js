// What the maps of webgis need in the browser. Folium's generated script calls these functions by name, so this is a
// classic script, not a module. What people typed is shown through textContent only.
(() => {
  "use strict";

  const ICONS = "/static/app/icons.svg#";
  const SVG = "http://www.w3.org/2000/svg";

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  }

  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "wg-icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", ICONS + name);
    svg.append(use);
    return svg;
  }

  function sign(row, late) {
    const made = element("span", `wg-sign wg-${row.shape}`);
    made.style.setProperty("--wg-colour", row.colour);
    made.append(icon(row.icon));
    if (late) made.append(element("span", `wg-late wg-late-${late}`, "!"));
    return made;
  }

  // A box of the view, grown outwards to a round grid so that nearby views ask for the same address.
  function box(map, step) {
    const bounds = map.getBounds().pad(0.15);
    const down = (value) => (Math.floor(value / step) * step).toFixed(4);
    const up = (value) => (Math.ceil(value / step) * step).toFixed(4);
    return [down(bounds.getWest()), down(bounds.getSouth()), up(bounds.getEast()), up(bounds.getNorth())].join(",");
  }

  function address(base, values) {
    const query = new URLSearchParams(values).toString();
    return query ? base + (base.includes("?") ? "&" : "?") + query : base;
  }

  // Fetches JSON; a newer question of the same asker ends the older one.
  function asker(map) {
    let running = null;
    return async (url) => {
      if (running) running.abort();
      const mine = new AbortController();
      running = mine;
      webgisMaps.say(map, "loading", true);
      try {
        const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "application/json" } });
        if (answer.status === 401) window.location.reload();
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        const data = await answer.json();
        webgisMaps.say(map, "offline", false);
        return data;
      } catch (error) {
        if (error.name !== "AbortError") webgisMaps.say(map, "offline", true);
        return null;
      } finally {
        if (running === mine) {
          running = null;
          webgisMaps.say(map, "loading", false);
        }
      }
    };
  }

  // Names of areas in the reader's language.
  function nameOf(area) {
    return (document.documentElement.lang === "en" && area.name_en) || area.name_zh;
  }

  function block(id) {
    return JSON.parse(document.getElementById(id).textContent);
  }

  // ---- frame: first view, controls, attribution

  function frame(map, options) {
    const [west, south, east, north] = options.bounds;
    map.fitBounds([[south, west], [north, east]], { padding: [12, 12], maxZoom: 17, animate: false });
    L.control.zoom({ position: "topright", zoomInTitle: options.words.zoomIn, zoomOutTitle: options.words.zoomOut }).addTo(map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    L.control.attribution({ prefix: false, position: "bottomright" }).addAttribution(options.words.attribution).addTo(map);
    map.getContainer().setAttribute("aria-label", options.words.map);
    map.getContainer().setAttribute("role", "application");
    map.on("zoomend", () => ready(map, "zoom", map.getZoom()));
    ready(map, "zoom", map.getZoom());
    return map;
  }

  // ---- notice: one line at the foot of the map, the most important message first

  const ORDER = ["offline", "loading", "empty", "many", "cells"];

  function notice(map, options) {
    const line = element("div", "wg-notice");
    line.setAttribute("role", "status");
    line.hidden = true;
    map.getContainer().append(line);
    map.webgisNotice = { line, words: options.words, on: new Map() };
    return map.webgisNotice;
  }

  function say(map, what, on) {
    const state = map.webgisNotice;
    if (!state) return;
    state.on.set(what, on);
    const first = ORDER.find((name) => state.on.get(name));
    state.line.hidden = !first || first === "loading";
    state.line.textContent = first ? state.words[first] : "";
    state.line.dataset.what = first || "";
  }

  // Says on the map's element what it shows by now, for scripts that look on.
  function ready(map, what, value = "shown") {
    map.getContainer().dataset[what] = value;
  }

  // ---- areas: levels and detail follow the zoom; names are labels under the signs

  const DETAILS = [
    { detail: "far", from: 0, step: 1, levels: ["county"], names: "county" },
    { detail: "middle", from: 12, step: 0.2, levels: ["county", "subdistrict"], names: "subdistrict" },
    { detail: "near", from: 14.5, step: 0.05, levels: ["county", "subdistrict", "community"], names: "community" },
  ];
  const STYLES = {
    county: { color: "#64748b", weight: 2, fill: true, fillColor: "#ffffff", fillOpacity: 1 },
    subdistrict: { color: "#94a3b8", weight: 1.25, fill: false },
    community: { color: "#b6c2d1", weight: 1, fill: false, dashArray: "4 3" },
  };

  // All levels of one detail are simplified alike, so that shared lines lie on one another.
  function areaLayer(map, options) {
    const group = L.layerGroup();
    const labels = map.createPane("labels");
    labels.style.zIndex = 450;
    labels.style.pointerEvents = "none";
    const renderers = {};
    Object.keys(STYLES).forEach((level, place) => {
      map.createPane(level).style.zIndex = 350 + place;
      renderers[level] = L.canvas({ pane: level, padding: 0.3 });
    });
    const drawn = new Map(DETAILS.map(({ detail }) => [detail, { shapes: L.layerGroup(), known: new Set() }]));

    function add(target, feature, named) {
      const facts = feature.properties;
      if (target.known.has(facts.code)) return;
      target.known.add(facts.code);
      const look = { pane: facts.level, renderer: renderers[facts.level], interactive: false, style: STYLES[facts.level] };
      L.geoJSON(feature, look).addTo(target.shapes);
      if (facts.level !== named) return;
      const [lon, lat] = facts.label;
      const name = element("span", `wg-name wg-name-${facts.level}`, nameOf(facts));
      const icon_ = L.divIcon({ html: name, className: "wg-label", iconSize: [0, 0] });
      L.marker([lat, lon], { icon: icon_, pane: "labels", interactive: false, keyboard: false }).addTo(target.shapes);
    }

    const askers = Object.fromEntries(Object.keys(STYLES).map((level) => [level, asker(map)]));

    async function load({ detail, step, names }, level) {
      const data = await askers[level](address(options.address, { level, detail, bbox: box(map, step) }));
      for (const feature of data ? data.features : []) add(drawn.get(detail), feature, names);
    }

    // What was drawn last stays until the new detail is there: nothing blinks.
    async function update() {
      if (!map.hasLayer(group)) return;
      const wanted = DETAILS.findLast(({ from }) => map.getZoom() >= from);
      await Promise.all(wanted.levels.map((level) => load(wanted, level)));
      if (DETAILS.findLast(({ from }) => map.getZoom() >= from) !== wanted) return;
      for (const [detail, { shapes }] of drawn) {
        if (detail === wanted.detail) group.addLayer(shapes);
        else group.removeLayer(shapes);
      }
      ready(map, "areas");
    }

    if (options.data) {
      const all = drawn.get("middle");
      for (const feature of block(options.data).features) add(all, feature, "subdistrict");
      group.addLayer(all.shapes);
    } else {
      group.on("add", update);
      map.on("moveend", update);
    }
    return group;
  }

  // ---- cells: only the view's, only when they are large enough to be seen

  function cellLayer(map, options) {
    const pane = map.createPane("cells");
    pane.style.zIndex = 360;
    const cells = L.geoJSON(null, {
      pane: "cells",
      renderer: L.canvas({ pane: "cells", padding: 0.2 }),
      interactive: Boolean(options.words),
      style: { color: "#2563eb", weight: 0.75, opacity: 0.45, fillColor: "#2563eb", fillOpacity: 0.02 },
    });
    const ask = asker(map);
    let last = "";
    if (options.words) cells.bindPopup((shape) => {
      const box = element("div", "wg-popup");
      box.append(element("div", "wg-popup-kind", options.words.cell));
      box.append(element("div", "wg-popup-number", shape.feature.properties.code));
      box.append(element("div", "wg-popup-line", nameOf({ name_zh: shape.feature.properties.area_zh, name_en: shape.feature.properties.area_en })));
      return box;
    });

    async function update() {
      if (!map.hasLayer(cells)) return;
      const close = map.getZoom() >= options.min_zoom;
      say(map, "cells", !close);
      if (!close) {
        last = "";
        cells.clearLayers();
        return;
      }
      const url = address(options.address, { bbox: box(map, 0.01) });
      if (url === last) return;
      const data = await ask(url);
      if (!data) return;
      last = url;
      cells.clearLayers();
      cells.addData(data);
      ready(map, "cells", data.features.length);
      say(map, "cells", Boolean(data.truncated));
    }

    cells.on("add", update);
    cells.on("remove", () => say(map, "cells", false));
    map.on("moveend", update);
    return cells;
  }

  // ---- cases: signs in clusters, a legend that filters

  function clusterIcon(cluster) {
    const counts = new Map();
    let late = false;
    for (const marker of cluster.getAllChildMarkers()) {
      const { row, feature } = marker.options.webgis;
      counts.set(row.colour, (counts.get(row.colour) || 0) + 1);
      late = late || feature.properties.light === "red";
    }
    const total = cluster.getChildCount();
    const disc = element("div", "wg-cluster");
    let turned = 0;
    const parts = [...counts].map(([colour, count]) => {
      const from = turned;
      turned += (count / total) * 360;
      return `${colour} ${from}deg ${turned}deg`;
    });
    disc.style.background = `conic-gradient(${parts.join(",")})`;
    disc.append(element("span", "wg-cluster-number", total));
    if (late) disc.append(element("span", "wg-late wg-late-red", "!"));
    const size = total < 10 ? 38 : total < 100 ? 44 : 52;
    return L.divIcon({ html: disc, className: "wg-cluster-box", iconSize: [size, size] });
  }

  function popup(feature, row, options) {
    const facts = feature.properties;
    const made = element("div", "wg-popup");
    const head = element("div", "wg-popup-kind");
    head.append(sign(row), element("span", "", row.word));
    if (facts.light_word) head.append(element("span", `wg-light wg-light-${facts.light}`, facts.light_word));
    made.append(head, element("div", "wg-popup-title", facts.class_name));
    if (facts.description) made.append(element("div", "wg-popup-text", facts.description));
    made.append(element("div", "wg-popup-line", facts.reported || ""));
    if (options.link) {
      const link = element("a", "wg-popup-number", facts.number);
      link.href = options.link + encodeURIComponent(facts.number);
      made.append(link);
    } else {
      made.append(element("div", "wg-popup-number", facts.number));
    }
    return made;
  }

  function markerOf(feature, row, options) {
    const [lon, lat] = feature.geometry.coordinates;
    const facts = feature.properties;
    const late = facts.light === "red" || facts.light === "amber" ? facts.light : "";
    const marker = L.marker([lat, lon], {
      icon: L.divIcon({ html: sign(row, late), className: "wg-sign-box", iconSize: [30, 30], popupAnchor: [0, -12] }),
      title: `${row.word} ${facts.number}`,
      alt: `${row.word} ${facts.number}`,
      webgis: { feature, row },
    });
    return marker.bindPopup(() => popup(feature, row, options), { minWidth: 220, maxWidth: 300 });
  }

  function caseMarkers(map, cluster, options) {
    const rows = new Map(options.states.map((row) => [row.state, row]));
    const hidden = new Set();
    const counts = new Map();
    let markers = [];
    const ask = options.address ? asker(map) : null;
    const legend = legendControl(options, counts, hidden, () => show());
    legend.addTo(map);

    function show() {
      cluster.clearLayers();
      const shown = markers.filter((marker) => !hidden.has(marker.options.webgis.row.state));
      cluster.addLayers(shown);
      ready(map, "cases", shown.length);
    }

    function take(data) {
      markers = data.features
        .filter((feature) => rows.has(feature.properties.state))
        .map((feature) => markerOf(feature, rows.get(feature.properties.state), options));
      counts.clear();
      for (const { options: own } of markers) counts.set(own.webgis.row.state, (counts.get(own.webgis.row.state) || 0) + 1);
      legend.update();
      say(map, "empty", markers.length === 0);
      say(map, "many", Boolean(data.truncated));
      show();
    }

    let whole = false;
    async function load() {
      if (whole) return;
      const view = map.webgisMany ? { bbox: box(map, 0.02) } : {};
      const data = await ask(address(options.address, view));
      if (!data) return;
      whole = !data.truncated && !map.webgisMany;
      map.webgisMany = map.webgisMany || data.truncated;
      take(data);
    }

    if (options.data) take(block(options.data));
    else {
      load();
      map.on("moveend", load);
    }
    return legend;
  }

  function legendControl(options, counts, hidden, changed) {
    const rows = new Map();
    const control = L.control({ position: "bottomleft" });
    control.onAdd = () => {
      const box = element("details", "wg-legend");
      box.open = window.matchMedia("(min-width: 768px)").matches;
      const head = element("summary", "wg-legend-head");
      head.append(icon("stack-2"), element("span", "", options.words.legend), element("span", "wg-legend-total"));
      box.append(head);
      for (const row of options.states) {
        const line = element("label", "wg-legend-row");
        const tick = element("input");
        tick.type = "checkbox";
        tick.checked = true;
        tick.name = row.state;
        tick.addEventListener("change", () => {
          if (tick.checked) hidden.delete(row.state);
          else hidden.add(row.state);
          changed();
        });
        const count = element("span", "wg-legend-count", "0");
        rows.set(row.state, { line, count });
        line.append(tick, sign(row), element("span", "wg-legend-word", row.word), count);
        box.append(line);
      }
      if (options.words.late) {
        const line = element("div", "wg-legend-row wg-legend-late");
        line.append(element("span", "wg-late wg-late-red", "!"), element("span", "wg-legend-word", options.words.late));
        line.append(element("span", "wg-late wg-late-amber", "!"), element("span", "wg-legend-word", options.words.soon));
        box.append(line);
      }
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      control.box = box;
      return box;
    };
    control.update = () => {
      let total = 0;
      for (const [state, { line, count }] of rows) {
        const number = counts.get(state) || 0;
        total += number;
        count.textContent = number;
        line.classList.toggle("wg-none", number === 0);
      }
      control.box.querySelector(".wg-legend-total").textContent = total;
    };
    return control;
  }

  // ---- the layer control says its name

  function named(control, words) {
    const button = control.getContainer().querySelector(".leaflet-control-layers-toggle");
    button.title = words.layers;
    button.setAttribute("aria-label", words.layers);
    button.replaceChildren(icon("stack-2"));
  }

  // ---- pin: one place to be chosen or shown (report form, case page)

  function pinIcon(colour) {
    const made = element("span", "wg-pin");
    if (colour) made.style.setProperty("--wg-colour", colour);
    return L.divIcon({ html: made, className: "wg-pin-box", iconSize: [32, 42], iconAnchor: [16, 40] });
  }

  window.webgisMaps = {
    address, areaLayer, asker, box, caseMarkers, cellLayer, clusterIcon, element, frame, icon, named, notice, pinIcon, say, sign,
  };
})();
