// A slash is answered with the commands that it may become.

import assert from "node:assert/strict";
import test from "node:test";

import { suggestCommands } from "../../../page/commands.js";

const commands = ["/jit", "/jitter", "/deploy"].map((command) => ({ command }));
const suggest = (text) => {
  const { options, usage } = suggestCommands(commands, text);
  return { options: options.map(({ command }) => command), usage: usage?.command };
};

test("what is typed so far is completed, and what is complete is explained", () => {
  assert.deepEqual(suggest("/"), { options: ["/jit", "/jitter", "/deploy"], usage: undefined });
  assert.deepEqual(suggest("/jit"), { options: ["/jit", "/jitter"], usage: undefined });
  assert.deepEqual(suggest("/jit request"), { options: [], usage: "/jit" });
});

test("anything else is a message", () => {
  for (const text of ["", "jit", " /jit", "/nope", "/nope x", "/\n"]) {
    assert.deepEqual(suggest(text), { options: [], usage: undefined });
  }
});
