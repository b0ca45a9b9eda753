// The column on the right: the guided tour, and the page that is shown beside Slack.

import { h, patch } from "./dom.js";
import { store } from "./store.js";
import { tour } from "./tour.js";

export function drawSide(side, tourPart, besidePart) {
  const { page } = store.workspace;
  const hasTour = page.tour.length > 0;
  tourPart.hidden = !hasTour;
  besidePart.hidden = !page.beside;
  side.hidden = !hasTour && !page.beside;
  if (hasTour) patch(tourPart, tour());
  if (!page.beside) return;
  const { title, url } = page.beside;
  besidePart.setAttribute("aria-label", title);
  patch(besidePart, [h("h2", {}, title), h("iframe", { key: url, src: url, title, allow: "clipboard-write" })]);
}
