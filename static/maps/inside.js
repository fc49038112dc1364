// The cases inside a drawing: how many, the newest, and the way to them all.

import { address, json } from "./ask.js";
import { counted, element, fill, sign } from "./dom.js";

export function insideContent(page, ring) {
  const { words, addresses } = page.facts;
  const content = element("div", "wg-inside");
  const count = element("p", "wg-inside-count", words.loading);
  content.append(count);
  const asked = { within: ring.map(({ lat, lng }) => `${lng.toFixed(5)},${lat.toFixed(5)}`).join(" "), ...page.view.query() };
  json(page.map, address(addresses.inside, asked)).then((told) => {
    if (!told) {
      count.textContent = words.failed;
      return;
    }
    count.textContent = "";
    const number = told.more ? fill(words.or_more, { count: counted(told.count) }) : counted(told.count);
    count.append(element("b", "", number), ` ${words.selected}`);
    if (!told.count) return;
    const list = element("ul", "wg-inside-list");
    list.append(...told.features.map((feature) => caseLine(page, feature)));
    const all = element("a", "wg-wide-button", words.whole_list);
    all.href = address(addresses.list, { within: asked.within, ...page.listQuery() });
    content.append(element("h3", "", words.newest), list, all);
  });
  return content;
}

function caseLine(page, { properties: facts }) {
  const item = element("li");
  const link = element("a", "wg-inside-link");
  link.href = page.facts.addresses.case + encodeURIComponent(facts.number);
  const words = element("span", "wg-inside-words");
  words.append(element("b", "", facts.class_name), element("span", "", facts.description), element("small", "", `${facts.reported} · ${facts.number}`));
  link.append(sign(page.states.get(facts.state), facts.light === "red" || facts.light === "amber" ? facts.light : ""), words);
  item.append(link);
  return item;
}
