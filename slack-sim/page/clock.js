// The simulator's clock, and skipping ahead where it can be moved.

import * as api from "./api.js";
import { clockSeconds, formatDate } from "./dates.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { changed, me, now, store } from "./store.js";

const SKIPS = [1, 5, 10, 30];
let isMoving = false;
let trouble = "";

export function clock() {
  if (!store.workspace.page.clock_moves) return null;
  const { tz } = me();
  const date = formatDate("{date_long}", now(), { now: now(), tz });
  return h("section", { class: "clock", "aria-label": "Clock" }, [
    h("p", { class: "time", title: date }, icon("clock"), h("span", {}, clockSeconds(now(), tz))),
    h("div", { class: "skips", role: "group", "aria-label": "Skip ahead" }, [
      h("span", { "aria-hidden": "true" }, "Skip ahead"),
      SKIPS.map(skip),
    ]),
    trouble && h("p", { class: "trouble", role: "alert" }, trouble),
  ]);
}

function skip(minutes) {
  return h(
    "button",
    {
      key: minutes,
      type: "button",
      "aria-label": `Skip ahead ${minutes} min`,
      "aria-disabled": isMoving ? "true" : undefined,
      on: { click: () => skipAhead(minutes) },
    },
    `${minutes} min`,
  );
}

/** Whether the clock is being moved. */
export const isSkipping = () => isMoving;

/** Moves the clock ahead; whether it was moved. While it is being moved, it is not moved again. */
export async function skipAhead(minutes) {
  if (isMoving) return false;
  isMoving = true;
  trouble = "";
  changed();
  try {
    const answer = await api.advance(`${minutes}m`);
    store.time = { told: answer.now, at: performance.now() };
  } catch (error) {
    trouble = error.message;
  }
  isMoving = false;
  changed();
  return trouble === "";
}
