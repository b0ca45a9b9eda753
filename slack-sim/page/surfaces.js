// The surfaces that a person acts on: messages, modals, App Homes.
//
// What is filled in or under way belongs to a surface, not to the elements that show it: a message
// may be updated and a modal covered by another meanwhile, and nothing that was typed is lost. Each
// person has their own.

import { Form } from "./form.js";
import { changed, store } from "./store.js";

const surfaces = new Map();

export class Surface {
  /** `person` acts on it; `where` is how the control API names it. */
  constructor(person, where) {
    this.person = person;
    this.where = where;
    /** Tells it from all others on the page. */
    this.number = surfaces.size;
    this.form = new Form();
    /** What waits for the app's answer: the last promise of each element. */
    this.pending = new Map();
    /** What went wrong last. */
    this.warning = null;
    /** Counts changes, so that it can be told whether there was one. */
    this.version = 0;
  }

  touch() {
    this.version += 1;
    changed();
  }
}

/** The surface of a message or a view, for the person at the keyboard. */
export function surfaceOf(shown) {
  const { channel, ts, id } = shown;
  const { person } = store.at;
  const where = id ? { view_id: id } : { channel, ts };
  const key = [person, ...Object.values(where)].join(" ");
  if (!surfaces.has(key)) surfaces.set(key, new Surface(person, where));
  const surface = surfaces.get(key);
  surface.form.given = shown.state?.values ?? {};
  return surface;
}
