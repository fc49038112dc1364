// The case page: its small map, its photos, and the forms of the next step.

import "./viewer.js";
import { wire } from "./wire.js";

wire(document);
