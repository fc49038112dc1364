// The list of alarms that stand follows them.

import { fresh } from "./fresh.js";

if (document.querySelector("[data-alarm-list][data-live]")) fresh("[data-alarm-list]", { put: (old, now) => old.replaceWith(now) });
