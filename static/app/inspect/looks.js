// How the app looks and on which side its buttons are, as chosen on this phone.

const NAMES = { look: "auto", hand: "right" };
const GROUND = { light: "#ffffff", dark: "#0e1623", sun: "#ffffff" };

export const LOOKS = ["auto", "light", "dark", "sun"];
export const HANDS = ["left", "right"];

function stored(name) {
  try {
    return localStorage.getItem(`webgis.inspect.${name}`) || NAMES[name];
  } catch {
    return NAMES[name];
  }
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const chosen = { look: stored("look"), hand: stored("hand") };

export const worn = (name) => chosen[name];

// "auto" follows the phone.
export function dress() {
  const { look, hand } = chosen;
  const now = look === "auto" ? (dark.matches ? "dark" : "light") : look;
  Object.assign(document.documentElement.dataset, { look: now, hand });
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", GROUND[now]);
}

export function choose(name, value) {
  chosen[name] = value;
  try {
    localStorage.setItem(`webgis.inspect.${name}`, value);
  } catch {
    // a browser that keeps nothing: it is so until the page is closed
  }
  dress();
}

dark.addEventListener("change", dress);
