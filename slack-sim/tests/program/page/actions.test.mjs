// What a person does reaches the app once, in order, and as it was in the end.

import assert from "node:assert/strict";
import test from "node:test";

import { blocks } from "../../../page/blocks.js";
import { namesIn } from "../../../page/names.js";
import { Surface } from "../../../page/surfaces.js";
import { find } from "./described.mjs";

const workspace = { app: {}, people: [], groups: [], channels: [] };
const reader = { names: namesIn(workspace), me: "U0BOB", now: 0, tz: "UTC", pane: "chat" };
const plain = (text) => ({ type: "plain_text", text });

/** The simulator's answers, given by hand, and the bodies it was sent. */
function simulator(t) {
  const sent = [];
  const waiting = [];
  t.mock.method(globalThis, "fetch", (_, { body }) => {
    sent.push(JSON.parse(body));
    return new Promise((resolve) => waiting.push(resolve));
  });
  const settle = () => new Promise((done) => setImmediate(done));
  const answer = async (outcome = { ok: true }) => {
    waiting.shift()({ status: 200, json: () => outcome });
    await settle();
  };
  return { answer, settle, sent, values: () => sent.map(({ value }) => value) };
}

/** A message with these elements, drawn as it is at the time. */
function message(...given) {
  const surface = new Surface("U0BOB", { channel: "C0DBA", ts: "1" });
  const elements = given.map((element, index) => ({ action_id: `a${index}`, ...element }));
  const block = { type: "actions", block_id: "b", elements };
  const drawn = (wanted) => find(blocks([block], { reader, surface }), wanted);
  return { surface, drawn };
}

test("a button pressed twice is pressed once, and can be pressed again once that is answered", async (t) => {
  const { answer, settle, values } = simulator(t);
  const { drawn } = message({ type: "button", text: plain("Approve"), value: "r1" });
  const button = () => drawn(({ tag }) => tag === "button");
  button().on.click();
  button().on.click();
  await settle();
  assert.equal(button().props["aria-busy"], "true");
  assert.equal(values().length, 1);
  await answer();
  assert.equal(button().props["aria-busy"], undefined);
  button().on.click();
  await settle();
  assert.equal(values().length, 2);
});

test("what is chosen while the app still answers is told after it", async (t) => {
  const { answer, settle, values } = simulator(t);
  const options = ["x", "y"].map((value) => ({ text: plain(value), value }));
  const { drawn } = message({ type: "checkboxes", options });
  const box = (value) => drawn(({ props }) => props["data-value"] === value);
  box("x").on.change();
  await settle();
  box("y").on.change();
  await settle();
  assert.deepEqual(values(), [["x"]]);
  await answer();
  assert.deepEqual(values(), [["x"], ["x", "y"]]);
  await answer();
  assert.ok(box("x").props.checked && box("y").props.checked);
});

test("a date that is typed is told once, when whoever typed it goes on", async (t) => {
  const { settle, values } = simulator(t);
  const { drawn } = message({ type: "datepicker" });
  const { on } = drawn(({ tag }) => tag === "input");
  const target = {};
  for (target.value of ["0002-08-12", "0020-08-12", "0202-08-12", "2025-08-12"]) {
    on.change({ target });
  }
  await settle();
  assert.deepEqual(values(), []);
  on.blur({ target });
  await settle();
  assert.deepEqual(values(), ["2025-08-12"]);
  on.blur({ target });
  await settle();
  assert.equal(values().length, 1);
});

test("what else is filled in goes with what is pressed, in a message too", async (t) => {
  const { answer, settle, sent } = simulator(t);
  const button = { type: "button", text: plain("Approve") };
  const { drawn } = message({ type: "timepicker" }, button);
  const { on } = drawn(({ tag }) => tag === "input");
  const target = { value: "10:30" };
  on.change({ target });
  on.blur({ target });
  await settle();
  await answer();
  drawn(({ tag }) => tag === "button").on.click();
  await settle();
  assert.deepEqual(sent.at(-1), {
    in: { channel: "C0DBA", ts: "1" },
    block_id: "b",
    action_id: "a1",
    values: { b: { a0: "10:30" } },
  });
});

test("an answer that came to nothing leaves a warning, and the next attempt takes it away", async (t) => {
  const { answer, settle } = simulator(t);
  const { surface, drawn } = message({ type: "button", text: plain("Approve") });
  const press = () => drawn(({ tag }) => tag === "button").on.click();
  press();
  await settle();
  await answer({ ok: false, status: 0, error: "operation_timeout" });
  assert.match(surface.warning, /did not answer in time/);
  press();
  await settle();
  assert.equal(surface.warning, null);
  await answer();
});
