// Using an element of a message, a modal or an App Home: pressing, choosing, searching.

import * as api from "./api.js";
import { confirmed } from "./confirm.js";
import { sent } from "./form.js";

/**
 * Presses a button, or tells the app what was chosen. `use` is `{reader, surface, blocks}`.
 * Whether it was done: a person may say no to the app's question first. A second press while the
 * first is under way is none; a second choice waits for its turn, so that the last one counts.
 */
export async function act(use, block, element, value) {
  const { surface } = use;
  const key = pendingKey(block, element);
  const isPressedAlready = () => value === undefined && surface.pending.has(key);
  if (isPressedAlready()) return false;
  if (element.confirm && !(await confirmed(element.confirm, use.reader))) return false;
  if (isPressedAlready()) return false;
  const before = surface.pending.get(key);
  const turn = Promise.resolve(before).then(() => send(use, block, element, value));
  surface.pending.set(key, turn);
  surface.warning = null;
  surface.touch();
  await turn;
  if (surface.pending.get(key) === turn) surface.pending.delete(key);
  surface.touch();
  return true;
}

async function send(use, block, element, value) {
  const { surface } = use;
  try {
    const outcome = await api.act(surface.person, "actions", {
      ...whereIs(use, block, element),
      value: value === undefined ? undefined : sent(element, value),
      values: surface.form.values(use.blocks),
    });
    if (!outcome.ok) surface.warning = explain(outcome);
  } catch (error) {
    surface.warning = error.message;
  }
}

/** Enters a value, and tells the app if the element does so at once. */
export async function enter(use, block, element, value) {
  const { surface } = use;
  const before = surface.form.value(block, element);
  surface.form.enter(block, element, value);
  surface.touch();
  if (!tells(block) || value === null) return;
  if (!(await act(use, block, element, value))) {
    surface.form.enter(block, element, before);
    surface.touch();
  }
}

/** Whether the app is told at once of what is entered in this block. */
export const tells = (block) => block.type !== "input" || block.dispatch_action === true;

/** The options that the app suggests: groups of `{label, options}`. */
export async function suggest(use, block, element, typed) {
  const asked = { ...whereIs(use, block, element), typed };
  const answer = await api.act(use.surface.person, "suggestions", asked);
  if (answer.ok === false) throw new Error(explain(answer));
  return answer.option_groups ?? [{ label: null, options: answer.options ?? [] }];
}

export const pendingKey = (block, element) =>
  `${block.block_id} ${element.action_id} ${element.type === "button" ? (element.value ?? "") : ""}`;

/** What a person is told when the app did not take something. */
export function explain({ error, status }) {
  if (error === "operation_timeout") return "The app did not answer in time (operation_timeout).";
  return `The app did not take this (${error ?? `HTTP status ${status}`}).`;
}

const whereIs = ({ surface }, block, element) => ({
  in: surface.where,
  block_id: block.block_id,
  action_id: element.action_id,
});
