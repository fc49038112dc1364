// Light or dark: what was chosen on this device, else what the system says. Loaded before anything is drawn, so that no
// page flashes; a classic script, since modules wait.

(() => {
  const KEY = "webgis.theme";
  const THEMES = ["light", "dark"];
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      const kept = localStorage.getItem(KEY);
      return THEMES.includes(kept) ? kept : null;
    } catch {
      return null; // a browser that keeps nothing follows the system
    }
  }

  function show() {
    const theme = chosen() || (dark.matches ? "dark" : "light");
    if (root.dataset.bsTheme === theme) return;
    root.dataset.bsTheme = theme;
    root.dataset.map = theme;
    root.dispatchEvent(new CustomEvent("webgis:theme", { detail: theme }));
  }

  function choose(theme) {
    try {
      // The choice that the system would make too is none: the page follows the system again.
      if (theme === (dark.matches ? "dark" : "light")) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      root.dataset.bsTheme = theme;
    }
    show();
  }

  show();
  dark.addEventListener("change", show);
  window.addEventListener("storage", (event) => event.key === KEY && show());
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-switch]")) choose(root.dataset.bsTheme === "dark" ? "light" : "dark");
  });
})();
