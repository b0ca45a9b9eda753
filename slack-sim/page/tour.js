// The guided tour: one step at a time, what to try and whether it was done.

import { isSkipping, skipAhead } from "./clock.js";
import { prepareDraft } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { showPane } from "./panes.js";
import { formatPlace } from "./place.js";
import { Progress } from "./progress.js";
import { changed, recall, remember, store } from "./store.js";

let progress = null;
let isHidden = recall("tour-hidden", false);

export function tour() {
  const { steps } = begun();
  // Several steps are never done by one look: each begins with the look that ends the one before.
  const { at } = progress;
  if (progress.watch(store.seen)) keep();
  if (progress.at !== at) store.tourMoved = true;
  const hide = () => {
    isHidden = !isHidden;
    remember("tour-hidden", isHidden);
    changed();
  };
  return [
    h("header", {}, [
      h("h2", {}, icon("flag"), "Guided tour"),
      h("span", { class: "about" }, soFar(steps)),
      h(
        "button",
        { type: "button", class: "hide", "aria-expanded": String(!isHidden), on: { click: hide } },
        isHidden ? "Show tour" : "Hide tour",
      ),
    ]),
    h("p", { class: "hidden", role: "status" }, lastDone()),
    !isHidden && [markers(steps), progress.step ? card(progress.step) : theEnd()],
  ];
}

/** Whether there is a tour that a visitor has neither hidden nor finished. */
export const isTourOpen = () =>
  store.workspace.page.tour.length > 0 && !isHidden && begun().step !== null;

function begun() {
  const steps = store.workspace.page.tour;
  if (progress?.steps !== steps) progress = new Progress(steps, recall("tour", null));
  return progress;
}

function soFar(steps) {
  const skipped = progress.count("skipped");
  const done = `${progress.count("done")} of ${steps.length} done`;
  return skipped > 0 ? `${done}, ${skipped} skipped` : done;
}

function markers(steps) {
  const marker = (step, index) => {
    const state = progress.states[index];
    const said = `Step ${index + 1}: ${step.title}${state === "open" ? "" : `, ${state}`}`;
    const props = {
      type: "button",
      class: state,
      "aria-label": said,
      "aria-current": index === progress.at ? "step" : undefined,
      title: said,
      on: { click: () => move(() => progress.go(index)) },
    };
    const face = { open: String(index + 1), done: icon("check", 12), skipped: icon("skip", 12) };
    return h("li", { key: index }, h("button", props, face[state]));
  };
  return h("ol", { class: "markers" }, steps.map(marker));
}

function card(step) {
  const isLast = progress.at === progress.steps.length - 1;
  const name = isLast ? "Finish" : progress.waits ? "Skip" : "Next";
  const minutes = progress.waits ? progress.nextSkip : null;
  const canShow = step.person || step.beside;
  return h("div", { class: "step", key: `step ${progress.at}` }, [
    h("h3", {}, step.title),
    h("p", {}, step.text),
    step.draft && h("p", { key: "draft", class: "draft" }, h("code", {}, step.draft)),
    h("div", { class: "row" }, [
      minutes !== null && skip(minutes, step.skips.length),
      canShow &&
        button("Show me", minutes === null ? "button primary" : "button", () => show(step), "show"),
      button(name, "button", () => move(() => progress.goOn()), "go on"),
    ]),
  ]);
}

/** Moves the clock as far as the step says. */
function skip(minutes, all) {
  const click = async () => {
    const { step } = progress;
    const isMoved = await skipAhead(minutes);
    if (isMoved && progress.step === step) move(() => (progress.ahead += 1));
  };
  const number = progress.ahead + 1;
  return h(
    "button",
    {
      key: "skip",
      type: "button",
      class: "button primary",
      "aria-disabled": isSkipping() ? "true" : undefined,
      on: { click },
    },
    icon("clock"),
    `Skip ${minutes} min`,
    number <= all && h("span", { class: "number" }, ` ${number} of ${all}`),
  );
}

function theEnd() {
  const again = () => move(() => (progress = new Progress(progress.steps)));
  const skipped = progress.count("skipped");
  const steps = skipped === 1 ? "1 step" : `${skipped} steps`;
  return h("div", { class: "step", key: "end" }, [
    h("h3", {}, skipped > 0 ? "End of the tour" : "You finished the tour"),
    skipped > 0 &&
      h("p", { key: "skipped" }, `You skipped ${steps}. Choose a number above to go back.`),
    h("p", { key: "open" }, "Everything stays open. Act as anyone, in any order."),
    h("div", { class: "row" }, button("Start again", "button", again, "again")),
  ]);
}

/** Goes where the step is played, with its words ready to be sent. */
function show({ person, place, draft, beside }) {
  if (beside) {
    showPane("beside");
    document.querySelector("#beside iframe")?.focus();
    return;
  }
  const there = { person, place };
  if (draft) prepareDraft(there, draft);
  location.hash = formatPlace(there);
  showPane("chat");
  // Once it is drawn.
  setTimeout(() => document.querySelector(draft ? "#composer-text" : "#chat").focus());
}

function lastDone() {
  const index = progress.states.lastIndexOf("done", progress.at - 1);
  return index >= 0 && progress.at > 0 && `Done: ${progress.steps[index].title}`;
}

function move(how) {
  how();
  keep();
  changed();
}

const keep = () => remember("tour", progress);

const button = (text, kind, click, key) =>
  h("button", { key, type: "button", class: kind, on: { click } }, text);
