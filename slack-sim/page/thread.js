// The pane beside the conversation that shows one thread.

import { composer } from "./composer.js";
import { h, patch } from "./dom.js";
import { icon } from "./icons.js";
import { threadLog } from "./messages.js";
import { formatPlace } from "./place.js";
import { mySight, store } from "./store.js";

let open = null;

export function drawThread(aside, reader) {
  const { thread, ...here } = store.at;
  const isThere = thread !== null && mySight().messages.some(({ ts }) => ts === thread);
  const before = open;
  open = isThere ? thread : null;
  aside.hidden = !isThere;
  if (!isThere) {
    // Whoever closed it with its own button goes on in the conversation.
    if (aside.contains(document.activeElement)) document.getElementById("chat").focus();
    patch(aside, []);
    return;
  }
  const channel = store.names.channel(here.place);
  const name = channel ? `#${channel.name}` : store.workspace.app.name;
  const close = { class: "close", href: formatPlace(here), "aria-label": "Close thread" };
  patch(aside, [
    h("header", { key: "header", class: "bar" }, [
      h("h2", {}, "Thread", h("span", { class: "about" }, name)),
      h("a", close, icon("close", 18)),
    ]),
    threadLog(thread, { ...reader, pane: "thread" }),
    !channel?.is_archived && composer(name, thread),
  ]);
  const isAsked = document.activeElement.matches(".reply, .replies");
  if (before !== open && isAsked) aside.querySelector("textarea")?.focus();
}
