// What the page does not know is shown as such, with what was sent, and never left out: what one
// person cannot see here, the next sees in Slack.

import { h } from "./dom.js";

/** `what` is the kind of thing: a block, an element. */
export function unsupported(what, sent) {
  const type = typeof sent?.type === "string" ? sent.type : "without a type";
  const json = h("pre", { tabindex: 0 }, JSON.stringify(sent, null, 2) ?? "nothing");
  return h(
    "div",
    { class: "unsupported" },
    h("p", {}, `Unsupported ${what}: `, h("code", {}, type)),
    h("details", {}, h("summary", {}, "What was sent"), json),
  );
}
