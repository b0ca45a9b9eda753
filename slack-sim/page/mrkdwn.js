// Slack's `mrkdwn` and `plain_text`, read into a tree of plain nodes.
//
// Text comes from anybody. Reading it takes time in proportion to its length, whatever it holds,
// and the tree is at most a handful of levels deep. What is not markup stays the text it is.
// Nothing here makes an element, so nothing here can be made to make one.
//
// A node is a string or `{kind, …}`: `bold`, `italic`, `strike`, `quote` with `nodes`; `code`,
// `pre` with `text`; `link` with `url`, `label`; `user`, `channel`, `group`, `broadcast` with `id`,
// `label`; `date` with `unix`, `format`, `url`, `label`; `emoji` with `name`.

import { emojiNamed } from "./emoji.js";
import { safeUrl } from "./url.js";

const STYLES = { "*": "bold", _: "italic", "~": "strike" };
const SPECIAL = /[*_~`<:]|https?:\/\//g;
const MARKUP = /<([^<>\n]*)>/y;
const EMOJI = /:([a-z0-9_+'-]{1,64})(?:::skin-tone-[2-6])?:/y;
const BARE_URL = /https?:\/\/[^\s<>|`]{1,2000}/y;
const AFTER_URL = /[.,;:!?'")\]*_~]+$/;
const QUOTE = /^(?:&gt;|>) ?/;
const QUOTE_REST = /^(?:&gt;|>){3} ?/;
const WORD = /[\p{L}\p{N}]/u;
const SPACE = /\s/;
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

/** Turns the three entities back into their characters. */
export function unescape(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

/** Text without markup: only shortcodes of emoji, unless `emoji` is false. */
export function parsePlain(text, { emoji = true } = {}) {
  const nodes = [];
  let from = 0;
  let at = emoji ? text.indexOf(":") : -1;
  while (at >= 0) {
    const found = emojiAt(text, at);
    if (found) {
      nodes.push(unescape(text.slice(from, at)), { kind: "emoji", name: found[1] });
      from = at + found[0].length;
    }
    at = text.indexOf(":", found ? from : at + 1);
  }
  nodes.push(unescape(text.slice(from)));
  return nodes.filter((node) => node !== "");
}

/** Text with markup. With `verbatim`, addresses that stand alone are not made links. */
export function parseMrkdwn(text, { verbatim = false } = {}) {
  const parts = text.split("```");
  if (parts.length % 2 === 0) {
    // The last fence is never closed: it is text.
    const rest = parts.pop();
    parts.push(`${parts.pop()}\`\`\`${rest}`);
  }
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return { kind: "pre", text: unescape(part.replace(/^\n|\n$/g, "")) };
    // A fence stands on lines of its own.
    if (index > 0) part = part.replace(/^ *\n/, "");
    if (index < parts.length - 1) part = part.replace(/\n$/, "");
    return part === "" ? [] : quotes(part, verbatim);
  });
}

/** Lines, those that start with `>` gathered into quotes. */
function quotes(text, verbatim) {
  const groups = [];
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (QUOTE_REST.test(line)) {
      const rest = lines.slice(index);
      rest[0] = line.replace(QUOTE_REST, "");
      groups.push({ isQuote: true, lines: rest });
      break;
    }
    const isQuote = QUOTE.test(line);
    if (groups.at(-1)?.isQuote !== isQuote) groups.push({ isQuote, lines: [] });
    groups.at(-1).lines.push(isQuote ? line.replace(QUOTE, "") : line);
  }
  return groups.flatMap(({ isQuote, lines }) => {
    const nodes = lines.flatMap((line, index) => [
      ...(index > 0 ? ["\n"] : []),
      ...inline(line, verbatim),
    ]);
    return isQuote ? { kind: "quote", nodes } : nodes;
  });
}

/** One line. Styles never reach beyond it. */
function inline(line, verbatim) {
  // The styles that are open, outermost first; each holds what has come since.
  const open = [{ mark: "", nodes: [] }];
  let unclosedCode = false;
  let from = 0;
  const add = (node) => node !== "" && open.at(-1).nodes.push(node);
  const flush = (to) => add(unescape(line.slice(from, to)));
  SPECIAL.lastIndex = 0;
  for (let found = SPECIAL.exec(line); found; found = SPECIAL.exec(line)) {
    const at = found.index;
    const mark = found[0];
    let node = null;
    let length = 0;
    if (mark in STYLES) {
      if (style(line, at, mark, open, () => flush(at))) from = at + 1;
      continue;
    } else if (mark === "`" && !unclosedCode) {
      const end = line.indexOf("`", at + 1);
      unclosedCode = end < 0;
      if (end > at + 1) node = { kind: "code", text: unescape(line.slice(at + 1, end)) };
      else if (end > 0) SPECIAL.lastIndex = end + 1;
      length = end + 1 - at;
    } else if (mark === "<") {
      const markup = match(MARKUP, line, at);
      node = markup && entity(markup[1]);
      length = markup?.[0].length;
    } else if (mark === ":") {
      const emoji = emojiAt(line, at);
      node = emoji && { kind: "emoji", name: emoji[1] };
      length = emoji?.[0].length;
    } else if (mark.length > 1 && !verbatim && !WORD.test(line[at - 1] ?? " ")) {
      const address = match(BARE_URL, line, at)?.[0].replace(AFTER_URL, "");
      const url = address && safeUrl(unescape(address));
      node = url && { kind: "link", url, label: unescape(address) };
      length = address?.length;
    }
    if (!node) continue;
    flush(at);
    add(node);
    from = at + length;
    SPECIAL.lastIndex = from;
  }
  flush(line.length);
  while (open.length > 1) giveUp(open);
  return open[0].nodes;
}

/** Opens or closes a style at `at`, if it can be either there; whether it did. */
function style(line, at, mark, open, flush) {
  const before = line[at - 1] ?? " ";
  const after = line[at + 1] ?? " ";
  const depth = open.findIndex((level) => level.mark === mark);
  if (depth > 0) {
    if (SPACE.test(before) || before === mark || WORD.test(after)) return false;
    flush();
    while (open.length > depth + 1) giveUp(open);
    const { nodes } = open.pop();
    open.at(-1).nodes.push({ kind: STYLES[mark], nodes });
    return true;
  }
  if (SPACE.test(after) || after === mark || WORD.test(before)) return false;
  flush();
  open.push({ mark, nodes: [] });
  return true;
}

/** The innermost style was never closed: its mark is text. */
function giveUp(open) {
  const { mark, nodes } = open.pop();
  const outer = open.at(-1).nodes;
  outer.push(mark);
  for (const node of nodes) outer.push(node);
}

/** What stands between `<` and `>`, or null if it is no markup. */
function entity(inner) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? "" : unescape(inner.slice(bar + 1));
  const [, sigil, id] = /^([@#])([A-Z][A-Z0-9]{1,40})$/.exec(target) ?? [];
  if (sigil === "@") return { kind: "user", id, label };
  if (sigil === "#") return { kind: "channel", id, label };
  const [, group] = /^!subteam\^([A-Z0-9]{1,40})$/.exec(target) ?? [];
  if (group) return { kind: "group", id: group, label };
  const [, range] = /^!(here|channel|everyone)$/.exec(target) ?? [];
  if (range) return { kind: "broadcast", id: range, label };
  const [, unix, format, , url] = /^!date\^(-?\d{1,12})\^([^^]*)(\^(.*))?$/.exec(target) ?? [];
  if (unix) {
    return { kind: "date", unix: Number(unix), format, url: safeUrl(unescape(url ?? "")), label };
  }
  const address = safeUrl(unescape(target));
  return address && { kind: "link", url: address, label: label || unescape(target) };
}

/** The shortcode that starts at `at`, if it is a known one. */
function emojiAt(text, at) {
  const found = match(EMOJI, text, at);
  return found && emojiNamed(found[1]) ? found : null;
}

function match(sticky, text, at) {
  sticky.lastIndex = at;
  return sticky.exec(text);
}
