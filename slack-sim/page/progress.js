// How far a visitor is in the guided tour.
//
// One step is current. It is done once the person whom it names sees something that says what the
// step waits for and that did not say so when the step began; a step that waits for nothing, or
// that somebody wants to leave, is done by going on.

import { unescape } from "./mrkdwn.js";

export class Progress {
  /** `kept` is what `toJSON` made of an earlier one. */
  constructor(steps, kept = null) {
    this.steps = steps;
    const fits = kept?.done?.length === steps.length;
    this.done = fits ? kept.done : steps.map(() => false);
    this.at = fits ? kept.at : 0;
    /** What said it already when the step began; null before it began. */
    this.before = fits ? kept.before : null;
  }

  get step() {
    return this.steps[this.at] ?? null;
  }

  /** Looks whether the current step is done; whether anything has moved. */
  watch(seen) {
    const { step } = this;
    if (!step?.until) return false;
    const sight = seen.get(step.until.person);
    if (!sight) return false;
    const saying = thatSay(step.until.says, sight);
    if (this.before === null) {
      this.before = saying;
      return true;
    }
    if (saying.every((id) => this.before.includes(id))) return false;
    this.goOn();
    return true;
  }

  /** The current step is done, and the next that is not begins. */
  goOn() {
    this.done[this.at] = true;
    const later = this.done.indexOf(false, this.at);
    this.go(later >= 0 ? later : this.done.indexOf(false));
  }

  /** Begins a step; after the last, none. */
  go(index) {
    this.at = index >= 0 ? index : this.steps.length;
    this.before = null;
  }

  toJSON() {
    const { done, at, before } = this;
    return { done, at, before };
  }
}

/** The ids of the messages, modals and the home in which `says` is said. */
function thatSay(says, { messages, modals, home }) {
  const saysIt = (shown) => {
    const text = textsIn(shown).join("\n");
    return text.includes(says) || unescape(text).includes(says);
  };
  const views = [...modals, home].filter(Boolean);
  return [
    ...messages.filter(saysIt).map(({ channel, ts }) => `${channel} ${ts}`),
    ...views.filter(saysIt).map(({ id }) => id),
  ];
}

const HOLDERS =
  "title label text fields elements accessory element options option_groups placeholder hint blocks".split(
    " ",
  );

/** Every text in a message or a view, in reading order. */
function textsIn(value) {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (value === null || typeof value !== "object") return [];
  return HOLDERS.flatMap((key) =>
    key === "text" && typeof value.text === "string" ? [value.text] : textsIn(value[key]),
  );
}
