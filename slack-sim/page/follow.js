// Follows the simulator: what everybody sees, again after every change.
//
// One loop, never two: look, then wait for the next change. When the simulator does not answer,
// the page says so and tries again, each time a little later; what was typed stays.

import * as api from "./api.js";
import { canAct } from "./place.js";
import { share } from "./share.js";
import { changed, setWorkspace, store } from "./store.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;

/** Never returns. `onFirst` is called once, when there is something to show. */
export async function follow(onFirst) {
  let version = 0;
  let pause = FIRST_PAUSE;
  let isFirst = true;
  for (;;) {
    try {
      const before = version;
      version = await look();
      if (version < before) {
        // Another simulator has taken its place: nothing on the page is true any more.
        location.reload();
        return;
      }
      if (isFirst) onFirst();
      isFirst = false;
      pause = FIRST_PAUSE;
      setGone(false);
      await api.changes(version);
    } catch (error) {
      if (!(error instanceof api.Gone)) console.error(error);
      setGone(true);
      await new Promise((wake) => setTimeout(wake, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }
}

/** Asks what everybody sees; the oldest version among the answers. */
async function look() {
  setWorkspace(share(store.workspace, await api.workspace()));
  const everybody = store.workspace.people.filter((one) => canAct(one, store.workspace));
  // Whoever is at the keyboard first.
  everybody.sort((one, other) => (other.id === store.at.person) - (one.id === store.at.person));
  const versions = await Promise.all(everybody.map(({ id }) => lookAs(id)));
  return Math.min(...versions);
}

async function lookAs(person) {
  const asked = performance.now();
  const { version, now, ...sight } = await api.sees(person);
  store.time = { told: now, at: (asked + performance.now()) / 2 };
  const before = store.seen.get(person);
  const after = share(before, sight);
  if (after !== before) {
    store.seen.set(person, after);
    changed();
  }
  return version;
}

function setGone(gone) {
  if (store.gone === gone) return;
  store.gone = gone;
  changed();
}
