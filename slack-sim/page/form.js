// What is filled in on one surface.
//
// What a person entered wins over what the app gave, for as long as the block and the action keep
// their ids: that is how an app that updates a view keeps what was typed, and how it clears it.
//
// A value is what the element shows: a string, an option, an id, a number (of a `datetimepicker`),
// or an array of options or ids; null for nothing.

/** By the element's type: the field of a state value, and the element's own initial one. */
const FIELDS = {
  plain_text_input: ["value", "initial_value"],
  email_text_input: ["value", "initial_value"],
  url_text_input: ["value", "initial_value"],
  number_input: ["value", "initial_value"],
  static_select: ["selected_option", "initial_option"],
  external_select: ["selected_option", "initial_option"],
  radio_buttons: ["selected_option", "initial_option"],
  users_select: ["selected_user", "initial_user"],
  conversations_select: ["selected_conversation", "initial_conversation"],
  channels_select: ["selected_channel", "initial_channel"],
  multi_static_select: ["selected_options", "initial_options"],
  multi_external_select: ["selected_options", "initial_options"],
  checkboxes: ["selected_options", "initial_options"],
  multi_users_select: ["selected_users", "initial_users"],
  multi_conversations_select: ["selected_conversations", "initial_conversations"],
  multi_channels_select: ["selected_channels", "initial_channels"],
  datepicker: ["selected_date", "initial_date"],
  timepicker: ["selected_time", "initial_time"],
  datetimepicker: ["selected_date_time", "initial_date_time"],
};

export class Form {
  constructor() {
    /** What was entered, by block id, then action id. */
    this.entered = new Map();
    /** `state.values` of the view; empty for a message. */
    this.given = {};
  }

  value(block, element) {
    const { block_id } = block;
    const { action_id, type } = element;
    const entered = this.entered.get(block_id)?.get(action_id);
    if (entered?.type === type) return entered.value;
    const [field, initial] = FIELDS[type] ?? [];
    const given = this.given[block_id]?.[action_id];
    return (given?.type === type ? given[field] : element[initial]) ?? null;
  }

  enter(block, element, value) {
    const { block_id } = block;
    if (!this.entered.has(block_id)) this.entered.set(block_id, new Map());
    this.entered.get(block_id).set(element.action_id, { type: element.type, value });
  }

  /** What was entered in elements that are still there, as the control API takes it. */
  values(blocks) {
    const values = {};
    for (const { block, element } of fillable(blocks)) {
      const entered = this.entered.get(block.block_id)?.get(element.action_id);
      if (entered?.type !== element.type) continue;
      values[block.block_id] ??= {};
      values[block.block_id][element.action_id] = sent(element, entered.value);
    }
    return values;
  }

  /** What Slack's client itself finds wrong before anything is sent, by block id. */
  complaints(blocks) {
    const wrong = {};
    for (const { block, element } of fillable(blocks)) {
      if (block.type !== "input") continue;
      const value = this.value(block, element);
      const complaint = value ? CHECKS[element.type]?.(value, element) : undefined;
      if (complaint) wrong[block.block_id] = complaint;
    }
    return wrong;
  }
}

/** A value as the control API takes it: of options that the app listed, only the value. */
export function sent(element, value) {
  if (Array.isArray(value)) return value.map((one) => sent(element, one));
  const isListed = !element.type.includes("external");
  return value !== null && typeof value === "object" && isListed ? value.value : value;
}

const CHECKS = {
  email_text_input: (value) =>
    /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : "Please enter a valid email address.",
  url_text_input: (value) =>
    URL.canParse(value) ? undefined : "Please enter a valid address, such as https://example.com.",
  number_input(value, { is_decimal_allowed, min_value, max_value }) {
    const pattern = is_decimal_allowed ? /^-?\d+(\.\d+)?$/ : /^-?\d+$/;
    if (!pattern.test(value)) return `Please enter a ${is_decimal_allowed ? "" : "whole "}number.`;
    if (Number(value) < Number(min_value)) return `Please enter ${min_value} or more.`;
    if (Number(value) > Number(max_value)) return `Please enter ${max_value} or less.`;
    return undefined;
  },
};

/** Every element that holds a value, with its block. */
function* fillable(blocks) {
  for (const block of Array.isArray(blocks) ? blocks : []) {
    const held = { actions: block.elements, section: [block.accessory], input: [block.element] };
    for (const element of held[block.type] ?? []) {
      if (element?.action_id && element.type in FIELDS) yield { block, element };
    }
  }
}
