// The block `rich_text`: sections, lists, quotes and preformatted text, already parsed by who sent
// it (docs.slack.dev, reference/block-kit/blocks/rich-text-block).

import { h } from "./dom.js";
import { date, emoji, link, mention } from "./text.js";
import { unsupported } from "./unsupported.js";
import { safeUrl } from "./url.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };

export function richText(block, at) {
  return h(
    "div",
    { class: "rich-text" },
    items(block.elements).map((part) => section(part, at)),
  );
}

function section(part, at) {
  const inner = () => items(part.elements).map((leaf) => inline(leaf, at));
  switch (part?.type) {
    case "rich_text_section":
      return h("div", {}, inner());
    case "rich_text_quote":
      return h("blockquote", {}, inner());
    case "rich_text_preformatted":
      return h("pre", { tabindex: 0 }, inner());
    case "rich_text_list":
      return list(part, at);
    default:
      return unsupported("rich text element", part);
  }
}

function list(part, at) {
  const tag = part.style === "ordered" ? "ol" : "ul";
  const indent = Math.min(Math.max(0, Math.trunc(part.indent) || 0), 8);
  const start = tag === "ol" && part.offset > 0 ? Math.trunc(part.offset) + 1 : undefined;
  const entries = items(part.elements).map((entry) => h("li", {}, section(entry, at)));
  return h(tag, { "data-indent": indent, start }, entries);
}

function inline(leaf, at) {
  const made = leafElement(leaf, at);
  const styles = Object.keys(STYLES).filter((name) => leaf?.style?.[name] === true);
  return styles.reduce((inner, name) => h(STYLES[name], {}, inner), made);
}

function leafElement(leaf, at) {
  switch (leaf?.type) {
    case "text":
      return str(leaf.text);
    case "link": {
      const url = safeUrl(str(leaf.url));
      const label = str(leaf.text) || str(leaf.url);
      return url ? link(url, label) : label;
    }
    case "user":
      return mention({ kind: "user", id: str(leaf.user_id) }, at);
    case "channel":
      return mention({ kind: "channel", id: str(leaf.channel_id) }, at);
    case "usergroup":
      return mention({ kind: "group", id: str(leaf.usergroup_id) }, at);
    case "broadcast":
      return mention({ kind: "broadcast", id: str(leaf.range) }, at);
    case "team":
      return h("span", { class: "mention" }, `@${str(leaf.team_id)}`);
    case "emoji":
      return emoji(str(leaf.name), characters(leaf.unicode));
    case "date": {
      const [unix, format, label] = [leaf.timestamp, str(leaf.format), str(leaf.fallback)];
      return date({ unix, format, label, url: safeUrl(str(leaf.url)) }, at);
    }
    case "color":
      return h("code", {}, str(leaf.value));
    default:
      return unsupported("rich text element", leaf);
  }
}

/** `1f44d-1f3fb` as the characters it names. */
function characters(unicode) {
  const codes = str(unicode)
    .split("-")
    .map((code) => Number.parseInt(code, 16));
  const areValid = codes.every((code) => code > 0 && code <= 0x10ffff);
  return areValid ? String.fromCodePoint(...codes.slice(0, 12)) : undefined;
}

const items = (all) => (Array.isArray(all) ? all : []);
const str = (text) => (typeof text === "string" ? text : "");
