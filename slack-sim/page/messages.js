// Messages, in a channel or in a thread.
//
// A message that is as it was is not described again: a long channel costs nothing while somebody
// types. The list is a log: what is added to it is read out.

import { blocks } from "./blocks.js";
import { clockTime, dayName, formatDate } from "./dates.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { kindLabel } from "./names.js";
import { picture } from "./people.js";
import { formatPlace } from "./place.js";
import { channelOpen, mySight, store } from "./store.js";
import { surfaceOf } from "./surfaces.js";
import { messageText } from "./text.js";
import { isInChannel } from "./unread.js";

/**
 * Described messages, with everything besides the message that went into the description. The
 * first message of a thread may show in two panes at once.
 */
const described = { chat: new WeakMap(), thread: new WeakMap() };

/** What shows in the open channel. */
export function channelLog(reader, label) {
  const inChannel = mySight().messages.filter((one) => one.channel === channelOpen());
  const threads = new Map();
  for (const one of inChannel) {
    if (!one.thread_ts || one.thread_ts === one.ts) continue;
    if (!threads.has(one.thread_ts)) threads.set(one.thread_ts, []);
    threads.get(one.thread_ts).push(one);
  }
  const shown = inChannel.filter(isInChannel);
  return log(shown, reader, label, (one) => threads.get(one.ts) ?? []);
}

/** What shows in a thread: its first message and the replies. */
export function threadLog(root, reader) {
  const shown = mySight().messages.filter(
    (one) => one.channel === channelOpen() && (one.ts === root || one.thread_ts === root),
  );
  return log(shown, reader, "Thread", () => []);
}

function log(shown, reader, label, repliesTo) {
  const rows = [];
  let day = "";
  for (const message of shown) {
    const its = memo(message, reader, repliesTo(message));
    if (its.day !== day) rows.push(dayLine(its.day));
    day = its.day;
    rows.push(its.node);
  }
  const empty = h("p", { class: "empty", key: "empty" }, "Nothing has been said here yet.");
  const props = {
    class: "log",
    role: "log",
    "aria-live": "polite",
    "aria-label": label,
    tabindex: 0,
  };
  // A list of another place is another list: nothing of it is read out as new.
  const key = formatPlace({ person: reader.me, place: store.at.place, thread: label });
  return h("div", { ...props, key }, h("div", { class: "rows" }, shown.length > 0 ? rows : empty));
}

const dayLine = (day) => h("p", { class: "day", key: `day ${day}` }, h("span", {}, day));

/** The row of a message, and the day it stands under. */
function memo(message, reader, replies) {
  const surface = surfaceOf(message);
  const minute = Math.floor(reader.now / 60);
  const inputs = [
    reader.me,
    reader.names,
    minute,
    surface.version,
    replies.length,
    replies.at(-1)?.ts,
  ];
  const before = described[reader.pane].get(message);
  if (before?.inputs.every((input, index) => input === inputs[index])) return before;
  const node = row(message, reader, replies, surface);
  const made = { inputs, node, day: dayName(Number(message.ts), reader) };
  described[reader.pane].set(message, made);
  return made;
}

function row(message, reader, replies, surface) {
  const { names, tz } = reader;
  const author = names.author(message.user);
  const time = clockTime(Number(message.ts), tz);
  const canBegin = reader.pane === "chat" && !message.ephemeral && replies.length === 0;
  return h(
    "article",
    {
      key: `${message.channel} ${message.ts}`,
      class: message.ephemeral ? "message ephemeral" : "message",
      "aria-label": `${author}, ${time}`,
      "data-ts": message.ts,
      "data-channel": message.channel,
      "data-from": message.from,
      "data-user": message.user,
    },
    picture(message.user, author),
    h("div", { class: "said" }, [
      message.ephemeral && h("p", { class: "only-you" }, icon("eye"), "Only visible to you"),
      h("header", {}, [
        h("span", { class: "author" }, author),
        badge(message, names),
        h(
          "time",
          { datetime: new Date(message.ts * 1000).toISOString(), title: exact(message, reader) },
          time,
        ),
        message.edited && h("span", { class: "edited" }, "(edited)"),
      ]),
      body(message, reader, surface),
      surface.warning &&
        h("p", { class: "warning", role: "status" }, icon("warning"), surface.warning),
      replies.length > 0 && thread(message, replies, reader),
    ]),
    canBegin && beginThread(message),
  );
}

function body(message, reader, surface) {
  if (message.blocks?.length > 0) return blocks(message.blocks, { reader, surface });
  return h("div", { class: "text" }, messageText(message.text, reader));
}

function badge(message, names) {
  if (message.from === "app") return h("span", { class: "badge" }, "APP");
  const person = names.person(message.user);
  const kind = person && kindLabel(person, names.workspace.team.id);
  return kind && h("span", { class: "badge" }, kind);
}

function thread(message, replies, reader) {
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  const last = formatDate("{date_short_pretty} {time}", Number(replies.at(-1).ts), reader);
  return h("button", { ...openThread(message), class: "replies" }, [
    icon("chat"),
    h("strong", {}, count),
    h("span", {}, ` · last ${last}`),
  ]);
}

function beginThread(message) {
  const props = { class: "reply", "aria-label": "Reply in thread" };
  return h("button", { ...openThread(message), ...props }, icon("chat"));
}

/** A button, not a link: the conversation stays, and a pane opens beside it. */
const openThread = ({ ts }) => ({
  type: "button",
  on: { click: () => (location.hash = formatPlace({ ...store.at, thread: ts })) },
});

const exact = (message, reader) =>
  formatDate("{date_long_full} {time_secs}", Number(message.ts), reader);
