// What a text becomes; and that a hostile one becomes nothing but text, quickly.

import assert from "node:assert/strict";
import test from "node:test";

import { parseMrkdwn, parsePlain } from "../../../page/mrkdwn.js";

const bold = (...nodes) => ({ kind: "bold", nodes });
const italic = (...nodes) => ({ kind: "italic", nodes });
const strike = (...nodes) => ({ kind: "strike", nodes });
const code = (text) => ({ kind: "code", text });

/** The nodes, neighbouring strings joined. */
function read(text, options) {
  const joined = [];
  for (const node of parseMrkdwn(text, options)) {
    if (typeof node === "string" && typeof joined.at(-1) === "string")
      joined.push(joined.pop() + node);
    else joined.push(node);
  }
  return joined;
}

test("styles stand between words and nest", () => {
  assert.deepEqual(read("a *b* _c_ ~d~"), ["a ", bold("b"), " ", italic("c"), " ", strike("d")]);
  assert.deepEqual(read("*a _b_*."), [bold("a ", italic("b")), "."]);
  assert.deepEqual(read("(*a*)"), ["(", bold("a"), ")"]);
});

test("what only looks like a style is text", () => {
  for (const text of [
    "2 * 3 * 4",
    "snake_case_name",
    "*open",
    "a*b*c",
    "* a*",
    "*a\nb*",
    "**",
    "~ ~",
  ]) {
    assert.deepEqual(read(text), [text]);
  }
  assert.deepEqual(read("*a _b*"), [bold("a ", "_", "b")]);
});

test("code and fences hold text as it is", () => {
  assert.deepEqual(read("run `a *b* <c>` now"), ["run ", code("a *b* <c>"), " now"]);
  assert.deepEqual(read("x\n```\n*a*\n&lt;b&gt;\n```\ny"), [
    "x",
    { kind: "pre", text: "*a*\n<b>" },
    "y",
  ]);
  assert.deepEqual(read("```never closed"), ["```never closed"]);
  assert.deepEqual(read("`` `"), ["`` `"]);
});

test("lines that start with > are a quote, and >>> quotes the rest", () => {
  const quote = (...nodes) => ({ kind: "quote", nodes });
  assert.deepEqual(read("&gt; a\n&gt;b\nc"), [quote("a", "\n", "b"), "c"]);
  assert.deepEqual(read("a\n&gt;&gt;&gt;b\nc"), ["a", quote("b", "\n", "c")]);
  assert.deepEqual(read("3 &gt; 2"), ["3 > 2"]);
});

test("entities are read once", () => {
  assert.deepEqual(read("R&amp;D &lt;b&gt; &amp;lt;"), ["R&D <b> &lt;"]);
  assert.deepEqual(parsePlain("&lt;@U1&gt; *a*"), ["<@U1> *a*"]);
});

test("people, channels, groups and ranges are named by id", () => {
  assert.deepEqual(read("<@U0BOB> <#C0DBA|dba> <!subteam^S0DBA|@dba> <!here>"), [
    { kind: "user", id: "U0BOB", label: "" },
    " ",
    { kind: "channel", id: "C0DBA", label: "dba" },
    " ",
    { kind: "group", id: "S0DBA", label: "@dba" },
    " ",
    { kind: "broadcast", id: "here", label: "" },
  ]);
});

test("links lead to http, https and mailto only", () => {
  const link = (url, label) => ({ kind: "link", url, label });
  assert.deepEqual(read("<https://a.example/?x=1&amp;y=2|R&amp;D>"), [
    link("https://a.example/?x=1&y=2", "R&D"),
  ]);
  assert.deepEqual(read("<mailto:a@example.com|a>"), [link("mailto:a@example.com", "a")]);
  assert.deepEqual(read("see https://a.example/b_c_d, please"), [
    "see ",
    link("https://a.example/b_c_d", "https://a.example/b_c_d"),
    ", please",
  ]);
  assert.deepEqual(read("https://a.example", { verbatim: true }), ["https://a.example"]);
  for (const text of [
    "<javascript:alert(1)|click>",
    "<JavaScript:alert(1)>",
    "<data:text/html,x|click>",
    "<vbscript:x>",
    "<//a.example|click>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!unknown|x>",
    "<@u1>",
    "<>",
  ]) {
    assert.deepEqual(read(text), [text]);
  }
});

test("a date keeps its time, its format and what is said where it cannot be shown", () => {
  assert.deepEqual(read("<!date^1755000000^{date} at {time}^https://a.example/|then>"), [
    {
      kind: "date",
      unix: 1755000000,
      format: "{date} at {time}",
      url: "https://a.example/",
      label: "then",
    },
  ]);
  const [date] = read("<!date^1^{time}^javascript:alert(1)|then>");
  assert.equal(date.url, null);
});

test("emoji are named, in plain text too", () => {
  const lock = { kind: "emoji", name: "lock" };
  assert.deepEqual(read(":lock: 10:42:07"), [lock, " 10:42:07"]);
  assert.deepEqual(parsePlain("a :lock:"), ["a ", lock]);
  assert.deepEqual(parsePlain("a :lock:", { emoji: false }), ["a :lock:"]);
});

/** The least of several times that the processor worked on reading, in milliseconds. It does not
 * count while others have the processor. */
function work(text) {
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = process.cpuUsage();
    parseMrkdwn(text);
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

test("four times as many hostile characters are about four times as much work", () => {
  const seeds = [
    "*",
    "_*~",
    "*a ",
    "*a_ ",
    "`",
    "` ",
    "<",
    "<!date^",
    "<a|",
    ":",
    ":a",
    "&gt;",
    "&",
    "\n>",
    "```",
    "``` `",
    "http://",
    "https://a.",
    "*_~`<:",
    "[](){}",
    "\u202e",
    "<@U1>*_",
  ];
  for (const seed of seeds) {
    const short = seed.repeat(10_000 / seed.length);
    const long = seed.repeat(40_000 / seed.length);
    for (const tail of ["", ">", "*", "`"]) {
      assert.ok(depth(parseMrkdwn(long + tail)) <= 5);
      // Sixteen times as much would be quadratic. In a few milliseconds, collecting garbage
      // weighs more than reading.
      const [less, more] = [work(short + tail), work(long + tail)];
      assert.ok(
        more < 10 * Math.max(less, 5),
        `${JSON.stringify(seed)} took ${less} ms, and ${more} ms when four times as long`,
      );
    }
  }
});

function depth(nodes) {
  return (
    1 + Math.max(0, ...nodes.slice(0, 1000).map((node) => (node.nodes ? depth(node.nodes) : 0)))
  );
}
