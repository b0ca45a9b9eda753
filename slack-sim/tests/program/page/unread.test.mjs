// A visitor sees that something is new for somebody, and only then.

import assert from "node:assert/strict";
import test from "node:test";

import { ReadMarks } from "../../../page/unread.js";

const message = (ts, more) => ({
  channel: "C1",
  ts: `1755000000.00000${ts}`,
  user: "UAPP",
  ...more,
});
const count = (marks, person, messages) => marks.unread(person, messages).get("C1") ?? 0;

test("the first look is read, and what comes after it is new for everybody else", () => {
  const marks = new ReadMarks();
  const first = [message(1)];
  marks.begin(
    new Map([
      ["U1", { messages: first }],
      ["U2", { messages: first }],
    ]),
  );
  const then = [...first, message(2, { user: "U1" })];
  assert.equal(count(marks, "U1", then), 0, "one's own words");
  assert.equal(count(marks, "U2", then), 1);
  assert.ok(marks.read("U2", "C1", then));
  assert.equal(count(marks, "U2", then), 0);
  assert.ok(!marks.read("U2", "C1", then), "nothing was left to read");
});

test("a reply counts if it shows in the channel", () => {
  const marks = new ReadMarks({});
  const root = message(1, { thread_ts: message(1).ts });
  const reply = message(2, { thread_ts: root.ts });
  assert.equal(count(marks, "U1", [root, reply]), 1);
  assert.equal(count(marks, "U1", [root, { ...reply, is_broadcast: true }]), 2);
});

test("marks outlive a reload", () => {
  const marks = new ReadMarks({});
  marks.read("U1", "C1", [message(1)]);
  const kept = new ReadMarks(JSON.parse(JSON.stringify(marks)));
  kept.begin(new Map([["U1", { messages: [message(1), message(2)] }]]));
  assert.equal(count(kept, "U1", [message(1), message(2)]), 1);
});
