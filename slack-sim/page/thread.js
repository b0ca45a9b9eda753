// The pane beside the conversation that shows one thread.

import { composer } from "./composer.js";
import { h, patch } from "./dom.js";
import { icon } from "./icons.js";
import { threadLog } from "./messages.js";
import { formatPlace } from "./place.js";
import { mySight, store } from "./store.js";

export function drawThread(aside, reader) {
  const { thread, ...here } = store.at;
  const isThere = thread !== null && mySight().messages.some(({ ts }) => ts === thread);
  aside.hidden = !isThere;
  document.body.toggleAttribute("data-thread", isThere);
  if (!isThere) return patch(aside, []);
  const channel = store.names.channel(here.place);
  const name = channel ? `#${channel.name}` : store.workspace.app.name;
  return patch(aside, [
    h("header", { key: "header", class: "bar" }, [
      h("h2", {}, "Thread", h("span", { class: "about" }, name)),
      h(
        "a",
        { class: "close", href: formatPlace(here), "aria-label": "Close thread" },
        icon("close", 18),
      ),
    ]),
    threadLog(thread, { ...reader, pane: "thread" }),
    !channel?.is_archived && composer(name, thread),
  ]);
}
