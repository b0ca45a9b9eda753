// The few drawings of the page, all on a grid of 16. They are never the only sign of anything: a
// name is always said beside them.

import { h } from "./dom.js";

const PATHS = {
  hash: "M6.5 2.5 5 13.5M11 2.5 9.5 13.5M2.5 6h11M2.5 10h11",
  lock: "M4.5 7.5v-2a3.5 3.5 0 0 1 7 0v2M3.5 7.5h9v6h-9z",
  archive: "M2.5 3h11v3h-11zM3.5 6v7.5h9V6M6.5 8.5h3",
  shared: "M6.5 9.5l3-3M7 5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 9M9 11l-1.5 1.5a2.8 2.8 0 0 1-4-4L5 7",
  app: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM11 9v4M9 11h4",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6l4 4 4-4",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  send: "M2.5 13.5 14 8 2.5 2.5 4 8zM4 8h6",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.5v3M8 11.5h.01",
  clock: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 4.8V8l2.3 1.5",
  check: "M3.5 8.5l3 3 6-7",
  skip: "M4 4.5l4.5 3.5L4 11.5zM11.5 4.5v7",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.3a1.7 1.7 0 1 1 0 3.4 1.7 1.7 0 0 1 0-3.4z",
  chat: "M2.5 3.5h11v7.5H8l-3 2.5V11H2.5z",
  flag: "M4 14V2.5h8.5L10.5 6l2 3.5H4",
  door: "M4 14V2.5h8V14M2 14h12M9.5 8h.01",
};

export function icon(name, size = 16) {
  return h(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: size, height: size, "aria-hidden": "true" },
    h("path", { d: PATHS[name] }),
  );
}
