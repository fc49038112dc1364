// An outline drawn by taps on a map: its button begins and, pressed again, leaves off, as Escape does; the hint stands
// meanwhile.

import { Sketch } from "../maps/sketch.js";

// `drawn(points)`: told the corners at the end; `begun()`: when a drawing begins. What it returns leaves off.
export function drawing(map, button, hint, drawn, begun = () => {}) {
  let sketch = null;

  function stop() {
    sketch?.stop();
    sketch = null;
    hint.hidden = true;
    button.setAttribute("aria-pressed", "false");
  }

  button.addEventListener("click", () => {
    if (sketch) {
      stop();
      return;
    }
    button.setAttribute("aria-pressed", "true");
    hint.hidden = false;
    begun();
    sketch = new Sketch(map, "polygon", (points, done) => done && window.setTimeout(() => { stop(); drawn(points); }, 0));
  });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  return stop;
}
