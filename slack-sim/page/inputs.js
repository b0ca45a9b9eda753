// Fields that are typed into, and pickers of dates and times.

import { act, enter } from "./actions.js";
import { localOfUnix, unixOfLocal } from "./dates.js";
import { h } from "./dom.js";
import { words } from "./text.js";

/** How long a person pauses before an app that listens to every character is told. */
const PAUSE = 300;
const pauses = new WeakMap();

export const textInput = (props) => (it, use) => {
  const value = use.surface.form.value(use.block, it) ?? "";
  const tells = use.block.dispatch_action === true;
  const on = it.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const input = ({ target }) => {
    use.surface.form.enter(use.block, it, target.value);
    use.surface.touch();
    if (tells && on.includes("on_character_entered")) {
      clearTimeout(pauses.get(target));
      pauses.set(
        target,
        setTimeout(() => act(use, use.block, it, target.value), PAUSE),
      );
    }
  };
  const keydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || !tells || !on.includes("on_enter_pressed"))
      return;
    event.preventDefault();
    act(use, use.block, it, event.target.value);
  };
  const field = {
    ...common(it, use),
    value,
    maxlength: it.max_length,
    placeholder: words(it.placeholder) || undefined,
    on: { input, keydown },
  };
  const counter = it.max_length &&
    value.length > 0 && [h("p", { class: "counter" }, `${[...value].length} of ${it.max_length}`)];
  if (it.multiline) return [h("textarea", { ...field, rows: 4 }), counter];
  return [h("input", { ...props, ...field }), counter];
};

export const dateInput = picker("date");
export const timeInput = picker("time");

export function dateTimeInput(it, use) {
  const { tz } = use.reader;
  const value = use.surface.form.value(use.block, it);
  const change = ({ target }) => enter(use, use.block, it, unixOfLocal(target.value, tz));
  return h("input", {
    ...common(it, use),
    type: "datetime-local",
    value: value === null ? "" : localOfUnix(value, tz),
    on: { change },
  });
}

function picker(type) {
  return (it, use) => {
    const change = ({ target }) => enter(use, use.block, it, target.value || null);
    const value = use.surface.form.value(use.block, it) ?? "";
    return h("input", { ...common(it, use), type, value, on: { change } });
  };
}

function common(it, { id, label, labelledBy, describedBy, isWrong }) {
  return {
    id: labelledBy ? id : undefined,
    "aria-label": labelledBy ? undefined : words(it.placeholder) || label || "Value",
    "aria-describedby": describedBy,
    "aria-invalid": isWrong ? "true" : undefined,
    autofocus: it.focus_on_load === true,
  };
}
