// Texts and mentions as elements.
//
// `at` is what a text needs to know of its reader: `{names, me, now, tz}`.

import { formatDate } from "./dates.js";
import { h } from "./dom.js";
import { emojiNamed } from "./emoji.js";
import { parseMrkdwn, parsePlain } from "./mrkdwn.js";

const TAGS = { bold: "strong", italic: "em", strike: "s", quote: "blockquote" };

/** A text object of Block Kit: `{type: "mrkdwn" | "plain_text", text, …}`. */
export function textObject(text, at) {
  if (text?.type === "mrkdwn") return nodes(parseMrkdwn(str(text.text), text), at);
  return plain(text, at);
}

/** A text object that can only be plain: a title, a label, an option. */
export const plain = (text, at) => nodes(parsePlain(str(text?.text), text ?? undefined), at);

/** The top-level text of a message. */
export const messageText = (text, at) => nodes(parseMrkdwn(str(text)), at);

/** The words of a text object, for names that are only read out. */
export function words(text) {
  const read = (node) => {
    if (typeof node === "string") return node;
    if (node.kind === "emoji") return emojiNamed(node.name);
    return node.nodes?.map(read).join("") ?? (node.text || node.label || node.id || "");
  };
  const parse = text?.type === "mrkdwn" ? parseMrkdwn : parsePlain;
  return parse(str(text?.text)).map(read).join("").trim();
}

const nodes = (all, at) => all.map((node) => element(node, at));

function element(node, at) {
  if (typeof node === "string") return node;
  switch (node.kind) {
    case "code":
      return h("code", {}, node.text);
    case "pre":
      return h("pre", { tabindex: 0 }, node.text);
    case "link":
      return link(node.url, node.label);
    case "user":
    case "channel":
    case "group":
    case "broadcast":
      return mention(node, at);
    case "date":
      return date(node, at);
    case "emoji":
      return emoji(node.name);
    default:
      return h(TAGS[node.kind], {}, nodes(node.nodes, at));
  }
}

export const link = (url, label) =>
  h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label);

export function mention({ kind, id, label }, { names, me }) {
  const [said, mine] = {
    user: () => [`@${names.person(id) || !label ? names.handle(id) : label}`, id === me],
    group: () => [`@${names.groupHandle(id)}`, names.isInGroup(id, me)],
    broadcast: () => [`@${id}`, true],
    channel: () => [`#${names.channel(id) ? names.channelName(id) : label || id}`, false],
  }[kind]();
  return h("span", { class: mine ? "mention mine" : "mention", "data-id": id }, said);
}

export function date({ unix, format, url, label }, at) {
  const said = formatDate(format, unix, at);
  if (said === null) return label;
  const exact = formatDate("{date_long_full} {time_secs}", unix, at);
  const time = h("time", { datetime: new Date(unix * 1000).toISOString(), title: exact }, said);
  return url ? link(url, time) : time;
}

export function emoji(name, character = emojiNamed(name)) {
  if (!character) return `:${name}:`;
  const said = name.replaceAll("_", " ");
  return h(
    "span",
    { class: "emoji", role: "img", "aria-label": said, title: `:${name}:` },
    character,
  );
}

const str = (text) => (typeof text === "string" ? text : "");
