// Block Kit as it is drawn: everything that is sent shows, and hostile words are only words.

import assert from "node:assert/strict";
import test from "node:test";

import { blocks } from "../../../page/blocks.js";
import { Surface } from "../../../page/surfaces.js";
import { elements, find, textOf } from "./described.mjs";

const workspace = {
  app: { id: "A0", name: "Kit", bot_user_id: "U0APP" },
  people: [{ id: "U0BOB", name: "bob", real_name: "Bob Example", kind: "member" }],
  groups: [],
  channels: [{ id: "C0DBA", name: "dba", members: ["U0BOB"] }],
};
const { namesIn } = await import("../../../page/names.js");
const reader = {
  names: namesIn(workspace),
  me: "U0BOB",
  now: 1_755_000_000,
  tz: "UTC",
  pane: "chat",
};

const plain = (text) => ({ type: "plain_text", text });
const mrkdwn = (text) => ({ type: "mrkdwn", text });
const option = (text) => ({ text: plain(text), value: text });

function draw(all, { errors, where = { view_id: "V1" } } = {}) {
  const surface = new Surface("U0BOB", where);
  return blocks(all, { reader, surface, errors });
}

test("an unknown block, element or piece of rich text shows as such, with what was sent", () => {
  for (const [sent, type] of [
    [{ type: "hologram", secret: "kept" }, "hologram"],
    [{ type: "constructor", secret: "kept" }, "constructor"],
    [{ secret: "kept" }, "without a type"],
    [{ type: "actions", elements: [{ type: "lever", secret: "kept" }] }, "lever"],
    [{ type: "section", text: plain("x"), accessory: { type: "dial", secret: "kept" } }, "dial"],
    [{ type: "input", label: plain("x"), element: { type: "crank", secret: "kept" } }, "crank"],
    [{ type: "context", elements: [{ type: "bell", secret: "kept" }] }, "bell"],
    [
      { type: "rich_text", elements: [{ type: "rich_text_spiral", secret: "kept" }] },
      "rich_text_spiral",
    ],
  ]) {
    const drawn = draw([sent]);
    assert.ok(textOf(find(drawn, ({ props }) => props.class === "unsupported")).includes(type));
    assert.ok(textOf(find(drawn, ({ tag }) => tag === "details")).includes('"secret": "kept"'));
  }
});

const OPTIONS = [option("one"), option("two")];
const KNOWN = [
  { type: "button", text: plain("b") },
  { type: "overflow", options: OPTIONS },
  { type: "checkboxes", options: OPTIONS },
  { type: "radio_buttons", options: OPTIONS },
  { type: "image", image_url: "https://example.com/x.png", alt_text: "x" },
  ...["plain_text", "email_text", "url_text"].map((kind) => ({ type: `${kind}_input` })),
  { type: "number_input", is_decimal_allowed: false },
  ...["datepicker", "timepicker", "datetimepicker"].map((type) => ({ type })),
  ...["static", "external", "users", "channels", "conversations"].flatMap((kind) => [
    { type: `${kind}_select`, options: OPTIONS },
    { type: `multi_${kind}_select`, options: OPTIONS },
  ]),
];

test("every element is drawn wherever it may stand, and can be found by its ids", () => {
  for (const sent of KNOWN) {
    const element = { ...sent, action_id: "do" };
    for (const block of [
      { type: "actions", elements: [element] },
      { type: "section", text: plain("x"), accessory: element },
      { type: "input", label: plain("x"), element },
    ]) {
      const drawn = draw([{ ...block, block_id: "here" }]);
      assert.equal(
        find(drawn, ({ props }) => props.class === "unsupported"),
        undefined,
        sent.type,
      );
      const held = find(drawn, ({ props }) => props["data-block-id"] === "here");
      assert.ok(
        find(held, ({ props }) => props["data-action-id"] === "do"),
        sent.type,
      );
    }
  }
});

test("an input is named by its label and described by its hint and what is wrong with it", () => {
  const element = { type: "plain_text_input", action_id: "a" };
  const block = {
    type: "input",
    block_id: "why",
    label: plain("Why"),
    hint: plain("Be short."),
    element,
  };
  const drawn = draw([block], { errors: { why: "That is no reason." } });
  const input = find(drawn, ({ tag }) => tag === "input");
  const label = find(drawn, ({ tag }) => tag === "label");
  assert.equal(label.props.for, input.props.id);
  assert.equal(textOf(label), "Why");
  const described = input.props["aria-describedby"].split(" ");
  const texts = described.map((id) => textOf(find(drawn, ({ props }) => props.id === id)));
  assert.deepEqual(texts, ["Be short.", "That is no reason."]);
  assert.equal(input.props["aria-invalid"], "true");
});

test("the same message in two panes shares no ids", () => {
  const element = { type: "radio_buttons", action_id: "a", options: OPTIONS };
  const all = [{ type: "section", block_id: "b", text: plain("x"), accessory: element }];
  const surface = new Surface("U0BOB", { channel: "C0DBA", ts: "1" });
  const groups = ["chat", "thread"].map((pane) => {
    const drawn = blocks(all, { reader: { ...reader, pane }, surface });
    return find(drawn, ({ tag }) => tag === "input").props.name;
  });
  assert.notEqual(groups[0], groups[1]);
});

test("hostile words are only words, wherever they stand", () => {
  const hostile = "<script>alert(1)</script><img src=x onerror=alert(1)><javascript:alert(1)|x>";
  const texts = { text: mrkdwn(hostile), fields: [plain(hostile), mrkdwn(hostile)] };
  const choice = { text: plain(hostile), value: "v", url: "javascript:alert(1)" };
  const button = {
    type: "button",
    action_id: "b",
    text: plain(hostile),
    url: "javascript:alert(1)",
  };
  const link = { type: "link", url: "javascript:alert(1)", text: "x" };
  const drawn = draw([
    { type: "header", text: plain(hostile) },
    { type: "section", ...texts, accessory: button },
    { type: "context", elements: [mrkdwn(hostile), plain(hostile)] },
    { type: "image", image_url: "javascript:alert(1)", alt_text: hostile, title: plain(hostile) },
    {
      type: "input",
      label: plain(hostile),
      hint: plain(hostile),
      element: { type: "radio_buttons", options: [choice] },
    },
    {
      type: "rich_text",
      elements: [{ type: "rich_text_section", elements: [{ type: "text", text: hostile }, link] }],
    },
  ]);
  for (const { tag, props } of elements(drawn)) {
    assert.ok(!["script", "img", "iframe"].includes(tag), tag);
    for (const [name, value] of Object.entries(props)) {
      assert.ok(!name.startsWith("on"), name);
      if (name === "href" || name === "src") assert.ok(!String(value).startsWith("javascript:"));
    }
  }
  assert.ok(textOf(drawn).includes("<script>alert(1)</script>"));
  assert.equal(find(drawn, ({ props }) => props.class === "button").tag, "button");
});

test("a block that lacks what it needs is shown as it was sent, and the others as they are", (t) => {
  t.mock.method(console, "warn", () => {});
  const element = { type: "static_select", action_id: "a", options: OPTIONS };
  for (const block of [
    { type: "header", text: plain("x") },
    { type: "section", text: plain("x"), fields: [plain("x")], accessory: element },
    { type: "actions", elements: [element] },
    { type: "context", elements: [plain("x")] },
    { type: "input", label: plain("x"), hint: plain("x"), element },
    { type: "rich_text", elements: [] },
  ]) {
    for (const key of Object.keys(block).filter((key) => key !== "type")) {
      for (const instead of [undefined, null, 7, "text", [], [null], {}]) {
        const drawn = draw([
          { ...block, [key]: instead },
          { type: "header", text: plain("Next") },
        ]);
        assert.ok(textOf(drawn).endsWith("Next"), `${block.type} with another ${key}`);
      }
    }
  }
});

test("rich text as deep as JSON is read is still drawn", () => {
  let deep = { type: "rich_text_section", elements: [{ type: "text", text: "bottom" }] };
  for (let depth = 0; depth < 60; depth += 1) {
    deep = { type: "rich_text_list", style: "bullet", elements: [deep] };
  }
  assert.equal(textOf(draw([{ type: "rich_text", elements: [deep] }])), "bottom");
});
