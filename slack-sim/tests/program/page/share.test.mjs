// What is as it was is the same value, so that nothing is drawn again for it.

import assert from "node:assert/strict";
import test from "node:test";

import { share } from "../../../page/share.js";

const sight = () => ({
  messages: [
    { ts: "1", text: "a" },
    { ts: "2", text: "b" },
  ],
  home: null,
});

test("an equal answer is the old one", () => {
  const old = sight();
  assert.equal(share(old, sight()), old);
  assert.equal(share(null, old), old);
});

test("only what changed is new", () => {
  const old = sight();
  const fresh = sight();
  fresh.messages[1].text = "c";
  const shared = share(old, fresh);
  assert.notEqual(shared, old);
  assert.deepEqual(shared, fresh);
  assert.equal(shared.messages[0], old.messages[0]);
});

test("a field more or less, another type, or a shorter list is a change", () => {
  for (const [old, fresh] of [
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: undefined }, { b: undefined }],
    [[1, 2], [1]],
    [[], {}],
    [{ a: null }, { a: {} }],
  ]) {
    const shared = share(old, fresh);
    assert.notEqual(shared, old);
    assert.deepEqual(shared, fresh);
  }
});
