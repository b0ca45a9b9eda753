// What has been read in this window, and where each person was last.

import { channelOpen, mySight, recall, remember, store } from "./store.js";
import { ReadMarks } from "./unread.js";

const marks = new ReadMarks(recall("read", null));

/** The place each person was at last, by person. */
export const lastPlaces = recall("places", {});

/** How many messages they have not read, by channel. */
export function unreadOf(person) {
  const sight = store.seen.get(person);
  return sight ? marks.unread(person, sight.messages) : new Map();
}

/** Takes the page's first look as read. */
export function beginReading() {
  marks.begin(store.seen);
  remember("read", marks);
}

/** What is on the screen now is read. */
export function readWhatShows() {
  const { person, place } = store.at;
  if (document.visibilityState === "hidden" || !person) return;
  if (lastPlaces[person] !== place) {
    lastPlaces[person] = place;
    remember("places", lastPlaces);
  }
  if (marks.read(person, channelOpen(), mySight().messages)) remember("read", marks);
}
