// The banner of a page that listens for nothing else.

import { listen } from "../live.js";
import { banner } from "./banner.js";

const box = document.querySelector("[data-alarm-banner]");
const shown = banner(box);
listen({ onAlarm: shown.changed, onResync: shown.changed });
