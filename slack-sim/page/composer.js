// Where a person writes: messages, and slash commands with their suggestions.
//
// What is being written belongs to a person and a place, so that switching loses nothing. The
// field stays a plain text field to the keyboard and to screen readers; the suggestions are a list
// that it points into.

import * as api from "./api.js";
import { suggestCommands } from "./commands.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { formatPlace } from "./place.js";
import { changed, channelOpen, store } from "./store.js";

/** By person, place and thread: `{text, notice, picked, isDismissed}`. */
const drafts = new Map();

function draftAt(place) {
  const key = formatPlace(place);
  if (!drafts.has(key)) drafts.set(key, { text: "", notice: "", picked: 0 });
  return drafts.get(key);
}

/** Puts a text where a person will find it. */
export function prepareDraft(place, text) {
  Object.assign(draftAt(place), { text, notice: "", isDismissed: false });
  changed();
}

/** `to` is whom or what it is for. */
export function composer(to, thread = null) {
  const place = { ...store.at, thread };
  const draft = draftAt(place);
  const { options, usage } = thread
    ? NO_COMMANDS
    : suggestCommands(store.workspace.commands, draft.text);
  const list = draft.isDismissed ? [] : options;
  const id = thread ? "reply" : "composer";
  draft.picked = Math.min(draft.picked, Math.max(0, list.length - 1));
  const write = (text) => {
    Object.assign(draft, { text, notice: "", isDismissed: false, picked: 0 });
    changed();
  };
  const complete = (option) => {
    write(`${option.command} `);
    document.getElementById(`${id}-text`)?.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    send(place, draft);
  };
  const label = thread ? "Reply in thread" : `Message ${to}`;
  return h("form", { key: formatPlace(place), class: "composer", on: { submit } }, [
    draft.notice && h("p", { class: "notice", role: "alert" }, icon("warning"), draft.notice),
    list.length > 0 && suggestions(id, list, draft.picked, complete),
    usage &&
      h(
        "p",
        { class: "usage", id: `${id}-usage` },
        h("code", {}, usage.command),
        ` ${usage.usage_hint ?? ""}`,
      ),
    h("div", { key: "field", class: "field" }, [
      h("textarea", {
        id: `${id}-text`,
        rows: Math.min(8, draft.text.split("\n").length),
        value: draft.text,
        "aria-label": label,
        placeholder: label,
        "aria-autocomplete": thread ? undefined : "list",
        "aria-controls": list.length > 0 ? `${id}-list` : undefined,
        "aria-activedescendant": list.length > 0 ? `${id}-option-${draft.picked}` : undefined,
        "aria-describedby": usage ? `${id}-usage` : undefined,
        autocomplete: "off",
        spellcheck: "false",
        on: {
          input: ({ target }) => write(target.value),
          keydown: (event) => onKey(event, { draft, list, complete, submit }),
        },
      }),
      h(
        "button",
        { class: "send", "aria-label": "Send", disabled: draft.text.trim() === "" },
        icon("send", 18),
      ),
    ]),
  ]);
}

const NO_COMMANDS = { options: [], usage: null };

function suggestions(id, list, picked, complete) {
  return h("div", { key: "suggestions", class: "suggestions" }, [
    h(
      "p",
      { class: "hidden", role: "status" },
      `${list.length} commands, arrows and Tab to choose`,
    ),
    h(
      "ul",
      { id: `${id}-list`, role: "listbox", "aria-label": "Commands" },
      list.map((option, index) =>
        h(
          "li",
          {
            key: option.command,
            id: `${id}-option-${index}`,
            role: "option",
            "aria-selected": String(index === picked),
            // The text field keeps the focus.
            on: { mousedown: (event) => event.preventDefault(), click: () => complete(option) },
          },
          h(
            "p",
            {},
            h("strong", {}, option.command),
            option.usage_hint && h("code", {}, option.usage_hint),
          ),
          option.description && h("p", { class: "about" }, option.description),
        ),
      ),
    ),
  ]);
}

function onKey(event, { draft, list, complete, submit }) {
  if (event.isComposing) return;
  const picked = list[draft.picked];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (list.length > 0 && step) {
    event.preventDefault();
    draft.picked = (draft.picked + step + list.length) % list.length;
    changed();
  } else if (list.length > 0 && event.key === "Escape") {
    event.preventDefault();
    draft.isDismissed = true;
    changed();
  } else if (picked && event.key === "Tab" && !event.shiftKey) {
    event.preventDefault();
    complete(picked);
  } else if (event.key === "Enter" && !event.shiftKey) {
    // Enter on a command that is there already sends it.
    if (picked && picked.command !== draft.text) {
      event.preventDefault();
      complete(picked);
    } else submit(event);
  }
}

async function send(place, draft) {
  const text = draft.text.trim();
  if (text === "") return;
  const [command] = text.split(/\s/);
  const isCommand = text.startsWith("/");
  if (isCommand && place.thread) {
    draft.notice = `${command} is not supported in threads. Sorry!`;
    changed();
    return;
  }
  const channel = channelOpen();
  Object.assign(draft, { text: "", notice: "" });
  changed();
  try {
    if (isCommand) {
      // If it fails, the simulator's Slackbot says so, as Slack's does.
      await api.act(place.person, "command", { channel, text });
    } else {
      const reply = place.thread ? { thread_ts: place.thread } : {};
      await api.act(place.person, "messages", { channel, text, ...reply });
    }
  } catch (error) {
    // What was written is not lost, unless something else is being written by now.
    draft.text ||= text;
    draft.notice = error.message;
  }
  changed();
}
