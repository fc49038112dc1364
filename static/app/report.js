// The report form: photos, place and class.

import "./photos.js";
import "./picker.js";
import "./form.js";
import { pinMap } from "./pin.js";

pinMap(document.querySelector("[data-pin-map]"));
