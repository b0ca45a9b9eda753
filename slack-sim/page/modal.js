// Modals: the one on top of the person's stack, in a `<dialog>`.
//
// The dialog keeps focus inside, gives it back, and puts the rest of the page out of reach. The
// stack is the simulator's; what is typed into each view, and what is wrong with it, is kept by
// its surface for as long as the view is there.

import { explain } from "./actions.js";
import * as api from "./api.js";
import { blocks } from "./blocks.js";
import { h, patch } from "./dom.js";
import { icon } from "./icons.js";
import { mySight } from "./store.js";
import { surfaceOf } from "./surfaces.js";
import { plain } from "./text.js";

let shown = null;

export function drawModal(dialog, reader) {
  const stack = mySight().modals;
  const view = stack.at(-1);
  if (!view) {
    shown = null;
    if (dialog.open) dialog.close();
    return;
  }
  const surface = surfaceOf(view);
  // Escape closes the view, and the dialog with it once the simulator has closed the view.
  dialog.oncancel = (event) => {
    event.preventDefault();
    close(view, surface);
  };
  patch(dialog, form(view, surface, reader, stack.length));
  if (!dialog.open) dialog.showModal();
  const key = `${reader.me} ${view.id}`;
  if (shown !== key) focusFirst(dialog);
  shown = key;
  if (surface.wantsFocus) {
    surface.wantsFocus = false;
    dialog.querySelector(".input.wrong :is(input, textarea)")?.focus();
  }
}

function form(view, surface, reader, depth) {
  const isBusy = surface.isSubmitting === true;
  const submit = (event) => {
    event.preventDefault();
    send(view, surface);
  };
  const leave = () => close(view, surface);
  return h(
    "form",
    {
      key: `${reader.me} ${view.id}`,
      class: "modal",
      "data-view-id": view.id,
      novalidate: true,
      on: { submit },
    },
    h("header", {}, [
      h("h1", { id: "modal-title", tabindex: -1 }, plain(view.title, reader)),
      depth > 1 && h("span", { class: "about" }, `${depth} of ${depth}`),
      h(
        "button",
        { type: "button", class: "close", "aria-label": "Close", on: { click: leave } },
        icon("close", 18),
      ),
    ]),
    h("div", { class: "body", tabindex: -1 }, [
      surface.trouble &&
        h("p", { class: "trouble", role: "alert" }, icon("warning"), surface.trouble),
      blocks(view.blocks, { reader, surface, errors: surface.errors }),
      surface.warning &&
        h("p", { class: "warning", role: "status" }, icon("warning"), surface.warning),
    ]),
    h("footer", {}, [
      h(
        "button",
        { type: "button", class: "button", on: { click: leave } },
        view.close ? plain(view.close, reader) : "Cancel",
      ),
      view.submit && [
        h(
          "button",
          {
            type: "submit",
            class: "button primary",
            // Not `disabled`, which would take the focus away from whoever pressed it.
            "aria-disabled": isBusy ? "true" : undefined,
            "aria-busy": isBusy ? "true" : undefined,
          },
          plain(view.submit, reader),
          isBusy && h("span", { class: "spinner" }),
        ),
      ],
    ]),
  );
}

/** The field that the app asks for, else the first, else the title. */
function focusFirst(dialog) {
  const first = "[autofocus], .body :is(input, textarea, button, a)";
  const wanted = dialog.querySelector("[autofocus]") ?? dialog.querySelector(first);
  (wanted ?? dialog.querySelector("h1"))?.focus();
}

async function send(view, surface) {
  if (surface.isSubmitting) return;
  const own = surface.form.complaints(view.blocks);
  if (Object.keys(own).length > 0) return complain(surface, own);
  Object.assign(surface, { isSubmitting: true, errors: {}, trouble: "", warning: null });
  surface.touch();
  try {
    const values = surface.form.values(view.blocks);
    const answer = await api.act(surface.person, "submissions", { view_id: view.id, values });
    if (answer.outcome === "errors") complain(surface, answer.errors);
    else surface.trouble = answer.message ?? "";
  } catch (error) {
    surface.trouble = error.message;
  }
  surface.isSubmitting = false;
  surface.touch();
}

function complain(surface, errors) {
  Object.assign(surface, { errors, wantsFocus: true });
  surface.touch();
}

async function close(view, surface) {
  if (surface.isClosing) return;
  surface.isClosing = true;
  try {
    const outcome = await api.act(surface.person, "closings", { view_id: view.id });
    if (!outcome.ok) console.warn(`view_closed: ${explain(outcome)}`);
  } catch (error) {
    surface.trouble = error.message;
    surface.touch();
  }
  surface.isClosing = false;
}
