// The service worker of /inspect: opens the app without network, and sends what waits when the network is back, also
// when the app is closed (where the browser has Background Sync). The server puts VERSION, SHELL, PAGES, SCOPE and
// OUTBOX before this.
/* global VERSION, SHELL, PAGES, SCOPE, OUTBOX, webgisOutbox */

importScripts(OUTBOX);

const CACHE = `webgis-inspect-${VERSION}`;
const PHOTOS = "webgis-inspect-photos";
const THUMBNAIL = /^\/api\/v1\/cases\/\d+\/photos\/\d+\/thumbnail$/;
const FILES = new Set(SHELL.map((address) => new URL(address, self.location).pathname));

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll([...SHELL, ...Object.values(PAGES)].map((address) => new Request(address, { cache: "reload" })));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("webgis-inspect-") && ![CACHE, PHOTOS].includes(name));
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

async function page() {
  const chosen = (await webgisOutbox.kept("lang").catch(() => null)) || (navigator.language.startsWith("zh") ? "zh" : "en");
  return caches.match(PAGES[chosen] || PAGES.zh);
}

async function shell(request) {
  return (await page()) || fetch(request);
}

async function network(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await page();
    if (found) return found;
    throw error;
  }
}

async function file(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreSearch: true })) || fetch(request);
}

async function photo(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await caches.match(request, { cacheName: PHOTOS });
    if (found) return found;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(address.pathname === SCOPE ? shell(request) : network(request));
  else if (FILES.has(address.pathname)) event.respondWith(file(request));
  else if (THUMBNAIL.test(address.pathname)) event.respondWith(photo(request));
});

self.addEventListener("sync", (event) => {
  if (event.tag !== "outbox") return;
  event.waitUntil(webgisOutbox.send().then((end) => {
    // A sync that fails is tried again by the browser, later and later.
    if (end === "offline" || end === "later") throw new Error(end);
  }));
});
