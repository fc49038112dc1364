// The report: its button prints.

document.querySelector("[data-print]").addEventListener("click", () => window.print());
