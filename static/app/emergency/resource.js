// The form of a resource: its place on a map.

import { wire } from "../wire.js";

wire(document);
