// On a narrow screen one pane shows at a time; this is the bar that chooses among them.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { changed, store } from "./store.js";

export function panes() {
  const { page } = store.workspace;
  return [
    choice("places", "hash", "Channels"),
    choice("chat", "chat", "Chat"),
    page.tour.length > 0 && choice("tour", "flag", "Guide"),
    page.beside && choice("beside", "door", page.beside.title),
  ];
}

export function showPane(name) {
  document.body.dataset.pane = name;
  changed();
}

function choice(name, drawing, label) {
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
  );
}
