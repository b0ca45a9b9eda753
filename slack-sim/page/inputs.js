// Fields that are typed into, and pickers of dates and times.

import { act, enter, tells } from "./actions.js";
import { localOfUnix, unixOfLocal } from "./dates.js";
import { h } from "./dom.js";
import { words } from "./text.js";

/**
 * How long a person pauses before an app that listens to what is typed is told, in milliseconds: a
 * date that is typed is a date from its first digit on.
 */
const PAUSE = { text: 300, date: 800 };
/** What is done after a pause, by field. */
const waiting = new WeakMap();

export const textInput = (props) => (it, use) => {
  const value = use.surface.form.value(use.block, it) ?? "";
  const isHeard = tells(use.block);
  const on = it.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const input = ({ target }) => {
    use.surface.form.enter(use.block, it, target.value);
    use.surface.touch();
    if (isHeard && on.includes("on_character_entered")) {
      soon(target, PAUSE.text, () => act(use, use.block, it, target.value));
    }
  };
  const keydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || !isHeard || !on.includes("on_enter_pressed"))
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
  const read = (local) => unixOfLocal(local, tz);
  return h("input", {
    ...common(it, use),
    type: "datetime-local",
    value: value === null ? "" : localOfUnix(value, tz),
    on: onPick(it, use, read),
  });
}

function picker(type) {
  return (it, use) => {
    const value = use.surface.form.value(use.block, it) ?? "";
    const on = onPick(it, use, (picked) => picked || null);
    return h("input", { ...common(it, use), type, value, on });
  };
}

/** What is picked counts at once, but for an app that is told of it: after a pause, or on leaving. */
function onPick(it, use, read) {
  const pick = (target) => enter(use, use.block, it, read(target.value));
  const leave = ({ target }) => waiting.get(target)?.now();
  return {
    change: ({ target }) =>
      tells(use.block) ? soon(target, PAUSE.date, () => pick(target)) : pick(target),
    blur: leave,
    keydown: (event) => event.key === "Enter" && leave(event),
  };
}

/** Does it after a pause, unless there is something new to do by then. */
function soon(target, pause, how) {
  clearTimeout(waiting.get(target)?.timer);
  const now = () => {
    clearTimeout(timer);
    waiting.delete(target);
    how();
  };
  const timer = setTimeout(now, pause);
  waiting.set(target, { timer, now });
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
