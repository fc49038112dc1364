// What waits on this phone and how it goes out: reports, answers to tasks, shifts and tracks, in the order they were
// made, each exactly once. A classic script, because the page and its service worker use it both.

globalThis.webgisOutbox = (() => {
  const NAME = "webgis-inspect";
  const LATER = new Set([408, 425, 429]);
  const PATIENCE_MS = 120_000;
  const WHO_MS = 10_000;
  const KEPT_DONE = 30;

  let opened = null;

  function open() {
    opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        const base = request.result;
        base.createObjectStore("items", { keyPath: "seq", autoIncrement: true });
        base.createObjectStore("kept");
      };
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        request.result.onclose = () => { opened = null; };
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
    });
    return opened;
  }

  // Runs `act` on a store and resolves with its result once the transaction is on disc, not before.
  async function within(store, mode, act) {
    const base = await open();
    return new Promise((resolve, reject) => {
      const transaction = base.transaction(store, mode, mode === "readwrite" ? { durability: "strict" } : {});
      let result;
      transaction.oncomplete = () => resolve(result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error || new Error("not kept"));
      const request = act(transaction.objectStore(store));
      request.onsuccess = () => { result = request.result; };
    });
  }

  const kept = (name) => within("kept", "readonly", (store) => store.get(name));
  const keep = (name, value) => within("kept", "readwrite", (store) => store.put(value, name));
  const forget = (name) => within("kept", "readwrite", (store) => store.delete(name));
  const forgetAll = (start) => within("kept", "readwrite", (store) => store.delete(IDBKeyRange.bound(start, `${start}\uffff`)));
  const all = () => within("items", "readonly", (store) => store.getAll());
  const one = (seq) => within("items", "readonly", (store) => store.get(seq));
  const put = (item) => within("items", "readwrite", (store) => store.put(item)).then(told);
  const remove = (seq) => within("items", "readwrite", (store) => store.delete(seq)).then(told);

  const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(NAME) : null;
  const listeners = new Set();

  function told(result) {
    channel?.postMessage("changed");
    for (const listener of listeners) listener();
    return result;
  }

  // Called when items change, here or in another page or the service worker.
  function listen(listener) {
    listeners.add(listener);
    channel?.addEventListener("message", listener);
  }

  async function add(item) {
    const seq = await put({ state: "waiting", tries: 0, made_at: new Date().toISOString(), key: crypto.randomUUID(), photos: [], ...item });
    return seq;
  }

  // Who is logged in, with the token of forms; null: no answer; a number: the status of a refusal. A phone that says it
  // has no network is believed, unless one insists.
  async function who(insist = false) {
    if (!navigator.onLine && !insist) return null;
    try {
      const answer = await fetch("/inspect/me", { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(WHO_MS) });
      if (!answer.ok) return answer.status;
      const me = await answer.json();
      await keep("me", me);
      return me;
    } catch {
      return null;
    }
  }

  function body(item) {
    const form = new FormData();
    form.append("meta", JSON.stringify({ ...item.meta, key: item.key }));
    item.photos.forEach((photo, place) => form.append("photos", photo, `${place + 1}.jpg`));
    return form;
  }

  async function post(item, me) {
    const answer = await fetch(`/inspect/send/${item.kind}`, {
      method: "POST",
      body: body(item),
      headers: { Accept: "application/json", "X-CSRFToken": me.token, "X-Person": String(me.person.id) },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const json = (answer.headers.get("Content-Type") || "").includes("json");
    return { status: answer.status, told: json ? await answer.json() : {} };
  }

  // "done", "refused", or why the rest has to wait: "later", "login", "token".
  function verdict({ status, told: problem }) {
    if (status < 300) return "done";
    if (status === 401 || problem.code === "pages.other-person") return "login";
    if (problem.code === "web.form-expired") return "token";
    return status >= 500 || LATER.has(status) ? "later" : "refused";
  }

  async function finish(item, { told: answer }) {
    const { photos, meta, form, ...rest } = item;
    if (item.kind === "track") await remove(item.seq);
    else await put({ ...rest, state: "done", photos: [], meta: {}, number: answer.number, done_at: new Date().toISOString(), reason: null });
    const done = (await all()).filter((other) => other.person === item.person && other.state === "done");
    for (const old of done.slice(0, -KEPT_DONE)) await remove(old.seq);
  }

  const next = async (person) => (await all()).find((item) => item.person === person && item.state === "waiting");

  // Sends what waits for who is logged in. Returns "empty", "later", "login" or "offline".
  async function drain(insist) {
    let me = await who(insist);
    if (me === null) return "offline";
    if (typeof me === "number") return me === 401 ? "login" : "later";
    let tokens = 0;
    for (;;) {
      const item = await next(me.person.id);
      if (!item) return "empty";
      let answer;
      try {
        answer = await post(item, me);
      } catch {
        await put({ ...item, tries: item.tries + 1 });
        return "offline";
      }
      const end = verdict(answer);
      if (end === "done") await finish(item, answer);
      else if (end === "refused") await put({ ...item, state: "refused", reason: { status: answer.status, ...answer.told } });
      else if (end === "token" && (tokens += 1) < 3) {
        me = await who();
        if (me === null || typeof me === "number") return "later";
      } else {
        await put({ ...item, tries: item.tries + 1 });
        return end === "login" ? "login" : "later";
      }
    }
  }

  // One sender at a time, whether page or service worker; the second looks again when the first is done.
  function send(insist = false) {
    const turn = () => drain(insist);
    return navigator.locks ? navigator.locks.request(`${NAME}-send`, turn) : turn();
  }

  return { add, all, forget, forgetAll, keep, kept, listen, one, put, remove, send, who };
})();
