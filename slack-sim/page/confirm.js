// The question that an app may have asked before something is done.

import { h, patch } from "./dom.js";
import { plain, textObject } from "./text.js";

const YES = { type: "plain_text", text: "Yes" };
const NO = { type: "plain_text", text: "Cancel" };

/** Asks, and answers whether the person said yes. Escape is a no. */
export function confirmed({ title, text, confirm = YES, deny = NO, style }, reader) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    // What is answered counts at once: the dialog's `close` event comes later, when the next
    // question may be shown already.
    const answer = (isYes) => () => {
      dialog.close();
      resolve(isYes);
    };
    const kind = style === "danger" ? "button danger" : "button primary";
    patch(dialog, [
      h("h2", { id: "confirm-title" }, plain(title, reader)),
      h("p", { id: "confirm-text" }, textObject(text, reader)),
      h("footer", {}, [
        h(
          "button",
          { type: "button", class: "button", on: { click: answer(false) } },
          plain(deny, reader),
        ),
        h(
          "button",
          { type: "button", class: kind, on: { click: answer(true) } },
          plain(confirm, reader),
        ),
      ]),
    ]);
    dialog.oncancel = answer(false);
    dialog.showModal();
  });
}
