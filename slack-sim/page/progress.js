// How far a visitor is in the guided tour.
//
// One step is current. It is done once the person whom it names sees something that says what the
// step waits for and that did not say so when the step began. A step that waits for nothing is done
// by going on. A step that waits and is left all the same is skipped, which is not done.

import { unescape } from "./mrkdwn.js";

export class Progress {
  /** `kept` is what `toJSON` made of an earlier one. */
  constructor(steps, kept = null) {
    this.steps = steps;
    const fits = kept?.states?.length === steps.length;
    /** Of each step: "open", "done" or "skipped". */
    this.states = fits ? kept.states : steps.map(() => "open");
    this.at = fits ? kept.at : 0;
    /** What said it already when the step began; null before it began. */
    this.before = fits ? kept.before : null;
    /** How many of the step's skips of the clock were made. */
    this.ahead = fits ? kept.ahead : 0;
  }

  get step() {
    return this.steps[this.at] ?? null;
  }

  /** How many steps are in this state. */
  count(state) {
    return this.states.filter((one) => one === state).length;
  }

  /** Whether the current step still waits for something to happen. */
  get waits() {
    return Boolean(this.step?.until) && this.states[this.at] !== "done";
  }

  /** How many minutes the current step skips next; null if it skips none. */
  get nextSkip() {
    const { skips = [] } = this.step ?? {};
    return skips[Math.min(this.ahead, skips.length - 1)] ?? null;
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
    this.#leave("done");
    return true;
  }

  /** Leaves the current step, and begins the next one that is open. */
  goOn() {
    this.#leave(this.waits ? "skipped" : "done");
  }

  #leave(state) {
    this.states[this.at] = state;
    const isOpen = (one, index) => one === "open" && index > this.at;
    const later = this.states.findIndex(isOpen);
    this.go(later >= 0 ? later : this.states.indexOf("open"));
  }

  /** Begins a step; after the last, none. */
  go(index) {
    this.at = index >= 0 ? index : this.steps.length;
    this.before = null;
    this.ahead = 0;
  }

  toJSON() {
    const { states, at, before, ahead } = this;
    return { states, at, before, ahead };
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
