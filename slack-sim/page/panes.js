// On a narrow screen one pane shows at a time; this is the bar that chooses among them.

import { h } from "./dom.js";
import { hidden } from "./hidden.js";
import { icon } from "./icons.js";
import { changed, store } from "./store.js";

/** As `layout.css` has it. */
const NARROW = "(max-width: 860px)";

export const isNarrow = () => matchMedia(NARROW).matches;

export function panes() {
  const { page } = store.workspace;
  if (document.body.dataset.pane === "tour") store.tourMoved = false;
  return [
    choice("places", "hash", "Channels"),
    choice("chat", "chat", "Chat"),
    page.tour.length > 0 && choice("tour", "flag", "Guide", store.tourMoved),
    page.beside && choice("beside", "door", page.beside.title),
  ];
}

export function showPane(name) {
  document.body.dataset.pane = name;
  changed();
}

function choice(name, drawing, label, isNew = false) {
  const isHere = document.body.dataset.pane === name;
  return h(
    "button",
    {
      key: name,
      type: "button",
      "aria-pressed": String(isHere),
      on: { click: () => showPane(name) },
    },
    icon(drawing, 20),
    h("span", {}, label),
    isNew && [h("span", { class: "dot" }), hidden("next step")],
  );
}
