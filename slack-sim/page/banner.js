// What is said over the whole page: that the simulator is gone.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./store.js";

export function banner() {
  if (!store.gone) return null;
  return h("p", {}, icon("warning"), "The simulator does not answer. Trying again…");
}
