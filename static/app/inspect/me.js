// Who is logged in, how the app looks and on which side its buttons are, what is kept on the phone; and logging out.

import { forgetAnswers } from "./asking.js";
import { ask, button, config, english, find, icon, language, make, say, t } from "./dom.js";
import { choose, HANDS, LOOKS, worn } from "./looks.js";

const { all, forget, keep, kept, who } = globalThis.webgisOutbox;
function choice(name, values, redraw) {
  const act = (value) => {
    choose(name, value);
    redraw();
  };
  return make("fieldset", { class: "choice" }, make("legend", {}, t(name)), make("div", { class: "pair" },
    ...values.map((value) => make("button", { class: "btn", type: "button", "aria-pressed": String(worn(name) === value), "data-choice": `${name}-${value}`, onclick: () => act(value) }, t(`${name}_${value}`)))));
}

// The language of this app at once, without network too; of the other pages when there is some.
async function speak(me) {
  const other = english ? "zh" : "en";
  await keep("lang", other);
  const told = me && (await who());
  if (told && typeof told === "object") {
    const form = new URLSearchParams({ lang: other === "en" ? "en" : "zh_CN", back: "/inspect", csrf_token: told.token });
    await fetch("/language", { method: "POST", body: form, redirect: "manual" }).catch(() => null);
  }
  if (navigator.serviceWorker?.controller) window.location.reload();
  else window.location.assign(`/inspect/shell/${other}`);
}

async function logOut(me) {
  const waiting = (await all()).filter((item) => item.person === me.person.id && item.state !== "done").length;
  if (waiting && (await ask(t("log_out"), t("log_out_waiting", { n: waiting }), [["yes", t("log_out"), "btn-bad"], ["", t("not_now")]])) !== "yes") return;
  const told = await who();
  if (told === null) return say(t("log_out_offline"));
  if (typeof told === "object") await fetch("/logout", { method: "POST", body: new URLSearchParams({ csrf_token: told.token }), redirect: "manual" }).catch(() => null);
  await forgetAnswers();
  await forget("me");
  window.location.assign("/login?next=/inspect");
  return undefined;
}

let offered = null;
window.addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offered = event;
});

export async function draw(me) {
  const persisted = await navigator.storage?.persisted?.().catch(() => false);
  const use = await navigator.storage?.estimate?.().catch(() => null);
  const again = () => draw(me);
  const rows = [
    me ? make("div", { class: "card who" }, icon("user-circle"), make("div", {}, make("b", {}, me.person.name), make("small", {}, me.person.login))) : "",
    choice("look", LOOKS, again),
    choice("hand", HANDS, again),
    button("btn-wide", "language", english ? "中文" : "English", () => speak(me)),
    offered ? button("btn-wide btn-main", "download", t("install"), () => offered.prompt()) : make("a", { class: "btn btn-wide", href: "/inspect/install" }, icon("download"), make("span", {}, t("install_how"))),
    make("p", { class: "quiet" }, t(persisted ? "storage_safe" : "storage_unsafe"), use ? ` ${t("storage_used", { mb: (use.usage / 1_048_576).toFixed(1) })}` : ""),
    make("a", { class: "btn btn-wide", href: "/cases" }, icon("list-details"), make("span", {}, t("all_cases"))),
    me ? button("btn-wide btn-bad", "logout", t("log_out"), () => logOut(me)) : make("a", { class: "btn btn-wide btn-main", href: "/login?next=/inspect" }, icon("login"), make("span", {}, t("log_in"))),
    make("p", { class: "quiet" }, `webgis ${config.version}`),
  ];
  find("me").replaceChildren(...rows);
}

// The language in which the app opens without network is the one it was last seen in.
export async function remember() {
  if ((await kept("lang")) === undefined) await keep("lang", language);
}
