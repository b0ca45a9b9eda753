// Block Kit's elements (docs.slack.dev, reference/block-kit/block-elements).
//
// To add one, add a function to ELEMENTS: from the element and its use to a description. Besides
// what a block knows (see `blocks.js`), `use` has the `block`, and where there is one a `label`
// (words), `labelledBy`, `describedBy` (ids) and `isWrong`.

import { act, pendingKey } from "./actions.js";
import { checkboxes, radioButtons } from "./choices.js";
import { h } from "./dom.js";
import { dateInput, dateTimeInput, textInput, timeInput } from "./inputs.js";
import { channelsIn, conversationsIn, listed, peopleIn, select, suggested } from "./options.js";
import { overflow } from "./overflow.js";
import { plain } from "./text.js";
import { unsupported } from "./unsupported.js";
import { safeUrl } from "./url.js";

const ELEMENTS = {
  button,
  overflow,
  checkboxes,
  radio_buttons: radioButtons,
  image: (it) => image(it, "accessory-image"),
  plain_text_input: textInput({ type: "text" }),
  email_text_input: textInput({ type: "email", autocomplete: "off" }),
  url_text_input: textInput({ type: "url" }),
  number_input: textInput({ type: "text", inputmode: "decimal" }),
  datepicker: dateInput,
  timepicker: timeInput,
  datetimepicker: dateTimeInput,
  static_select: select(listed),
  multi_static_select: select(listed),
  external_select: select(suggested),
  multi_external_select: select(suggested),
  users_select: select(peopleIn),
  multi_users_select: select(peopleIn),
  channels_select: select(channelsIn),
  multi_channels_select: select(channelsIn),
  conversations_select: select(conversationsIn),
  multi_conversations_select: select(conversationsIn),
};

export function element(it, use) {
  const draw = Object.hasOwn(ELEMENTS, it?.type) ? ELEMENTS[it.type] : null;
  if (!draw) return unsupported("element", it);
  const key = `${it.type} ${it.action_id ?? ""}`;
  const props = { key, class: "element", "data-type": it.type, "data-action-id": it.action_id };
  return h("div", props, draw(it, use));
}

/** Whether an element is several controls, which a label names together. */
export const isGroup = (it) => it?.type === "checkboxes" || it?.type === "radio_buttons";

function button(it, use) {
  const { block, surface, reader } = use;
  const isPending = surface.pending.has(pendingKey(block, it));
  const style = ["primary", "danger"].includes(it.style) ? it.style : "";
  const props = {
    class: `button ${style}`.trim(),
    "aria-label": it.accessibility_label,
    // Not `disabled`, which would take the focus away from whoever pressed it.
    "aria-disabled": isPending ? "true" : undefined,
    "aria-busy": isPending ? "true" : undefined,
    "data-value": it.value,
    on: { click: () => act(use, block, it) },
  };
  const inner = [plain(it.text, reader), isPending && h("span", { class: "spinner" })];
  const url = safeUrl(it.url);
  if (!url) return h("button", { ...props, type: "button" }, inner);
  return h("a", { ...props, href: url, target: "_blank", rel: "noopener noreferrer" }, inner);
}

export function image({ image_url, alt_text }, className) {
  const url = safeUrl(image_url);
  const alt = typeof alt_text === "string" ? alt_text : "";
  if (!url?.startsWith("http")) return h("span", { class: "no-image" }, `Image: ${alt}`);
  const props = { src: url, alt, class: className, loading: "lazy", referrerpolicy: "no-referrer" };
  return h("img", props);
}
