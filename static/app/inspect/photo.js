// Photos made small on the phone: long edge 1600 pixels. When and where one was taken is read from its EXIF before that,
// since a canvas keeps none of it.

const LONG_EDGE = 1600;
const QUALITY = 0.82;
const HEAD_BYTES = 262_144;
const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };
const TAG = { details: 0x8769, gps: 0x8825, changed: 0x0132, taken: 0x9003, offset: 0x9011 };

// The EXIF block of a JPEG as a DataView on its TIFF header, or null.
function tiff(view) {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 10 < view.byteLength && view.getUint8(at) === 0xff;) {
    const [mark, length] = [view.getUint16(at), view.getUint16(at + 2)];
    if (mark === 0xffe1 && view.getUint32(at + 4) === 0x45786966) return new DataView(view.buffer, view.byteOffset + at + 10);
    if (mark === 0xffda) return null;
    at += 2 + length;
  }
  return null;
}

function entries(view, start, little) {
  const found = new Map();
  const count = view.getUint16(start, little);
  for (let place = 0; place < count; place += 1) {
    const at = start + 2 + place * 12;
    const [tag, type, many] = [view.getUint16(at, little), view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
    const inside = (SIZES[type] || 1) * many <= 4;
    found.set(tag, { type, many, at: inside ? at + 8 : view.getUint32(at + 8, little), value: type === 3 ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little) });
  }
  return found;
}

function text(view, entry) {
  if (!entry) return "";
  const bytes = new Uint8Array(view.buffer, view.byteOffset + entry.at, entry.many);
  return String.fromCharCode(...bytes).replace(/\0.*$/, "").trim();
}

function degrees(view, entry, little) {
  const part = (place) => view.getUint32(entry.at + place * 8, little) / view.getUint32(entry.at + place * 8 + 4, little);
  return part(0) + part(1) / 60 + part(2) / 3600;
}

function place(view, start, little) {
  const found = entries(view, start, little);
  if (!found.has(2) || !found.has(4)) return {};
  const lat = degrees(view, found.get(2), little) * (text(view, found.get(1)) === "S" ? -1 : 1);
  const lon = degrees(view, found.get(4), little) * (text(view, found.get(3)) === "W" ? -1 : 1);
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lon, lat } : {};
}

// "2026:11:22 18:00:00" as ISO 8601; without an offset it is the city's time, as the server reads it.
function moment(written, offset) {
  const found = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)$/.exec(written);
  return found ? { taken_at: `${found[1]}-${found[2]}-${found[3]}T${found[4]}${/^[+-]\d\d:\d\d$/.test(offset) ? offset : ""}` } : {};
}

// { taken_at, lon, lat } as far as the file tells them.
export async function shot(file) {
  try {
    const view = tiff(new DataView(await file.slice(0, HEAD_BYTES).arrayBuffer()));
    if (!view) return {};
    const little = view.getUint16(0) === 0x4949;
    const main = entries(view, view.getUint32(4, little), little);
    const details = main.has(TAG.details) ? entries(view, main.get(TAG.details).value, little) : new Map();
    const taken = moment(text(view, details.get(TAG.taken)) || text(view, main.get(TAG.changed)), text(view, details.get(TAG.offset)));
    return { ...taken, ...(main.has(TAG.gps) ? place(view, main.get(TAG.gps).value, little) : {}) };
  } catch (error) {
    if (error instanceof RangeError) return {}; // cut off or false: it tells nothing
    throw error;
  }
}

// A JPEG of at most 1600 pixels, upright. Rejects for what is no picture.
export async function small(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONG_EDGE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const made = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", QUALITY); });
  if (!made) throw new Error("no picture");
  return made;
}

// A photo to keep: small, with when and where it was taken. Of one taken just now by the camera (`here`: the phone's
// position or null, since cameras that a page opens often write neither) these are known besides.
export async function photo(file, camera, here) {
  const [told, blob] = [await shot(file), await small(file)];
  const now = camera ? { taken_at: new Date(Math.min(Date.now(), file.lastModified || Date.now())).toISOString(), ...(here ? { lon: here.lon, lat: here.lat } : {}) } : {};
  return { blob, shot: { ...now, ...told } };
}
