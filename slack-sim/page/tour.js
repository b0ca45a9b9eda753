// The guided tour: one step at a time, what to try and whether it was done.

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
  const steps = store.workspace.page.tour;
  if (progress?.steps !== steps) progress = new Progress(steps, recall("tour", null));
  // Several steps are never done by one look: each begins with the look that ends the one before.
  if (progress.watch(store.seen)) keep();
  const finished = progress.done.filter(Boolean).length;
  const hide = () => {
    isHidden = !isHidden;
    remember("tour-hidden", isHidden);
    changed();
  };
  return [
    h("header", {}, [
      h("h2", {}, icon("flag"), "Guided tour"),
      h("span", { class: "about" }, `${finished} of ${steps.length} done`),
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

function markers(steps) {
  const marker = (step, index) => {
    const isDone = progress.done[index];
    const said = `Step ${index + 1}: ${step.title}${isDone ? ", done" : ""}`;
    const props = {
      type: "button",
      class: isDone ? "done" : undefined,
      "aria-label": said,
      "aria-current": index === progress.at ? "step" : undefined,
      title: said,
      on: { click: () => move(() => progress.go(index)) },
    };
    return h(
      "li",
      { key: index },
      h("button", props, isDone ? icon("check", 12) : String(index + 1)),
    );
  };
  return h("ol", { class: "markers" }, steps.map(marker));
}

function card(step) {
  const isLast = progress.at === progress.steps.length - 1;
  // Where what it waits for is there already, there is nothing to skip.
  const waits = step.until && progress.before?.length === 0;
  const name = isLast ? "Finish" : waits ? "Skip" : "Next";
  return h("div", { class: "step", key: `step ${progress.at}` }, [
    h("h3", {}, step.title),
    h("p", {}, step.text),
    h("div", { class: "row" }, [
      step.person && button("Show me", "button primary", () => show(step)),
      button(name, "button", () => move(() => progress.goOn())),
    ]),
  ]);
}

function theEnd() {
  const again = () => move(() => (progress = new Progress(progress.steps)));
  return h("div", { class: "step", key: "end" }, [
    h("h3", {}, "That was the tour"),
    h("p", {}, "Everything stays open to be tried: as anybody, in any order."),
    h("div", { class: "row" }, button("Start again", "button", again)),
  ]);
}

/** Goes where the step is played, with its words ready to be sent. */
function show({ person, place, draft }) {
  const there = { person, place };
  if (draft) prepareDraft(there, draft);
  location.hash = formatPlace(there);
  showPane("chat");
  // Once it is drawn.
  setTimeout(() => document.querySelector(draft ? "#composer-text" : "#chat").focus());
}

function lastDone() {
  const index = progress.done.lastIndexOf(true, progress.at - 1);
  return index >= 0 && `Done: ${progress.steps[index].title}`;
}

function move(how) {
  how();
  keep();
  changed();
}

const keep = () => remember("tour", progress);

const button = (text, kind, click) =>
  h("button", { type: "button", class: kind, on: { click } }, text);
