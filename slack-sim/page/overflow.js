// The element `overflow`: a button with a small menu behind it, as `<sim-menu>`.

import { act } from "./actions.js";
import { h } from "./dom.js";
import { plain } from "./text.js";
import { safeUrl } from "./url.js";

export function overflow(it, use) {
  const config = {
    label: use.label ? `More actions: ${use.label}` : "More actions",
    items: it.options.map((option) => ({
      key: option.value,
      shown: plain(option.text, use.reader),
      about: option.description && plain(option.description, use.reader),
      url: safeUrl(option.url),
      choose: () => act(use, use.block, it, option),
    })),
  };
  return h("sim-menu", { config });
}
