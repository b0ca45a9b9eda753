// A step of the tour is done by what happens after it began, and by nothing else.

import assert from "node:assert/strict";
import test from "node:test";

import { Progress } from "../../../page/progress.js";

const steps = [
  { title: "one", until: { person: "U1", says: "granted" } },
  { title: "two", until: { person: "U1", says: "granted" } },
  { title: "three", until: null },
];
const said = (...texts) => ({
  messages: texts.map((text, ts) => ({ channel: "C1", ts, text })),
  modals: [],
  home: null,
});
const seen = (sight) => new Map([["U1", sight]]);

test("what was there when the step began does not count", () => {
  const progress = new Progress(steps);
  progress.watch(seen(said("granted")));
  assert.equal(progress.watch(seen(said("granted", "denied"))), false);
  progress.watch(seen(said("granted", "denied", "granted again")));
  assert.equal(progress.at, 1);
});

test("a message that comes to say it counts, and one message ends one step", () => {
  const progress = new Progress(steps);
  progress.watch(seen(said("pending")));
  progress.watch(seen(said("granted")));
  assert.equal(progress.at, 1);
  progress.watch(seen(said("granted")));
  progress.watch(seen(said("granted")));
  assert.equal(progress.at, 1);
});

test("blocks, modals and the home are read as well, entities as what they stand for", () => {
  const section = (text) => [{ type: "section", text: { type: "mrkdwn", text } }];
  for (const sight of [
    { ...said(), home: { id: "V1", blocks: section("*R&amp;D* granted") } },
    { ...said(), modals: [{ id: "V2", title: { text: "R&amp;D" }, blocks: [] }] },
    { ...said(), messages: [{ channel: "C1", ts: "1", text: "", blocks: section("R&amp;D") }] },
  ]) {
    const progress = new Progress([{ title: "one", until: { person: "U1", says: "R&D" } }]);
    progress.watch(seen(said()));
    progress.watch(seen(sight));
    assert.deepEqual(progress.states, ["done"]);
  }
});

test("nobody else's sight ends a step", () => {
  const progress = new Progress(steps);
  progress.watch(seen(said()));
  progress.watch(new Map([["U2", said("granted")]]));
  assert.equal(progress.at, 0);
});

test("a step that is left before it is done is skipped, and does not count as done", () => {
  const progress = new Progress(steps);
  progress.watch(seen(said()));
  progress.goOn();
  assert.deepEqual(progress.states, ["skipped", "open", "open"]);
  assert.deepEqual([progress.count("done"), progress.count("skipped")], [0, 1]);
});

test("a step that waits for nothing is done by going on", () => {
  const progress = new Progress(steps);
  progress.go(2);
  progress.goOn();
  assert.deepEqual(progress.states, ["open", "open", "done"]);
});

test("a step that was skipped can be done later, and leaving it again does not undo that", () => {
  const progress = new Progress(steps);
  progress.goOn();
  progress.go(0);
  progress.watch(seen(said()));
  progress.watch(seen(said("granted")));
  assert.equal(progress.states[0], "done");
  progress.go(0);
  progress.goOn();
  assert.equal(progress.states[0], "done");
});

test("going on passes over what was done or skipped, comes back to what is open, and then ends", () => {
  const progress = new Progress(steps);
  progress.go(1);
  progress.goOn();
  assert.equal(progress.at, 2);
  progress.goOn();
  assert.equal(progress.at, 0);
  progress.goOn();
  assert.equal(progress.step, null);
});

test("the clock is skipped in the steps' own order, and then by the last one again", () => {
  const progress = new Progress([{ title: "one", skips: [10, 1] }, { title: "two", skips: [] }]);
  const skipped = [];
  for (let n = 0; n < 3; n += 1) {
    skipped.push(progress.nextSkip);
    progress.ahead += 1;
  }
  assert.deepEqual(skipped, [10, 1, 1]);
  progress.goOn();
  assert.deepEqual([progress.nextSkip, progress.ahead], [null, 0]);
});

test("it outlives a reload, but not another tour", () => {
  const progress = new Progress(steps);
  progress.watch(seen(said("granted")));
  const kept = JSON.parse(JSON.stringify(progress));
  const after = new Progress(steps, kept);
  assert.equal(after.watch(seen(said("granted"))), false);
  assert.deepEqual(new Progress(steps.slice(1), { ...kept, at: 2 }).at, 0);
});
