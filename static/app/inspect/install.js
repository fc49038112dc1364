// The page of installation looks as the app does on this phone.

import { dress } from "./looks.js";

dress();
