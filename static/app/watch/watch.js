// The manager's page: filters act at once, charts follow the figures, the table is made by a job.

import { Charts } from "./charts.js";
import { offerExport } from "./export.js";
import { fresh } from "./fresh.js";

const root = document.querySelector("[data-figures]");
const data = () => JSON.parse(root.querySelector("[data-part=data]").textContent);
const charts = new Charts(root, data);

charts.draw();
fresh(root, () => charts.draw());
offerExport(document.querySelector("[data-export]"), document.querySelector("[data-exported]"));

const filters = document.querySelector("[data-watch-filters]");
filters.addEventListener("change", () => filters.requestSubmit());
// An address holds what is chosen and nothing that is not.
filters.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

// On a phone the figures come first.
document.querySelector("[data-fold]").open = window.matchMedia("(min-width: 768px)").matches;

document.querySelector("[data-print]").addEventListener("click", () => window.print());
