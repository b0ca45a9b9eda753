// What the page knows, in one place; every part of the page is drawn from it.
//
// Whoever changes something here says so with `changed`, and the page is drawn again once, soon.
// What is kept beyond a reload is kept for this window only: two windows are two people.

import { namesIn } from "./names.js";

export const store = {
  /** What `GET /control/workspace` says, and the names in it. */
  workspace: null,
  names: null,
  /** What each person sees, by id. */
  seen: new Map(),
  /** Who is at the keyboard, where they are, and which thread is open. */
  at: { person: null, place: null, thread: null },
  /** Whether the tour has moved on since its pane was last in front. */
  tourMoved: false,
  /** Whether the simulator has stopped answering. */
  gone: false,
  /** The simulator's time in seconds, and the `performance.now()` at which it was told. */
  time: { told: 0, at: 0 },
};

let draw = () => {};
let isDue = false;

/** Says how the page is drawn. */
export function onChange(drawing) {
  draw = drawing;
}

export function changed() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    draw();
  });
}

export function setWorkspace(workspace) {
  if (workspace === store.workspace) return;
  store.workspace = workspace;
  store.names = namesIn(workspace);
}

/** The simulator's time now, in seconds. */
export const now = () => store.time.told + (performance.now() - store.time.at) / 1000;

export const me = () => store.names.person(store.at.person);

/** What the person at the keyboard sees. */
export const mySight = () => store.seen.get(store.at.person) ?? NOTHING;

/** The channel that is open: a channel, or the direct messages with the app. */
export const channelOpen = () => (store.at.place === "dm" ? mySight().dm : store.at.place);

const NOTHING = { version: 0, dm: null, messages: [], modals: [], home: null };

/** What was kept in this window under `name`. */
export function recall(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(`slack-sim.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    sessionStorage.setItem(`slack-sim.${name}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing forgets at a reload; that is all.
  }
}
