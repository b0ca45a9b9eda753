// What is filled in stays as long as Slack would keep it, and is sent as the simulator takes it.

import assert from "node:assert/strict";
import test from "node:test";

import { Form } from "../../../page/form.js";

const option = (value) => ({ text: { type: "plain_text", text: value }, value });
const input = (block_id, element) => ({
  type: "input",
  block_id,
  element: { action_id: "a", ...element },
});

/** A form in which `value` was entered in the only element of `block`. */
function entered(block, value) {
  const form = new Form();
  form.enter(block, block.element, value);
  return form;
}

test("what was entered wins, then what the view was given, then the initial value", () => {
  const block = input("b", { type: "plain_text_input", initial_value: "initial" });
  const form = new Form();
  assert.equal(form.value(block, block.element), "initial");
  form.given = { b: { a: { type: "plain_text_input", value: "given" } } };
  assert.equal(form.value(block, block.element), "given");
  form.enter(block, block.element, "");
  assert.equal(form.value(block, block.element), "");
});

test("an update keeps what was typed where the ids and the type stay", () => {
  const block = input("b", { type: "plain_text_input" });
  const form = entered(block, "typed");
  const changed = input("b", { type: "plain_text_input", initial_value: "new", max_length: 9 });
  assert.equal(form.value(changed, changed.element), "typed");
  const renamed = input("b2", { type: "plain_text_input", initial_value: "new" });
  assert.equal(form.value(renamed, renamed.element), "new");
  const retyped = input("b", { type: "number_input" });
  assert.equal(form.value(retyped, retyped.element), null);
});

test("only what was entered in elements that are still there is sent", () => {
  const block = input("b", { type: "plain_text_input" });
  const form = entered(block, "typed");
  assert.deepEqual(form.values([block]), { b: { a: "typed" } });
  assert.deepEqual(form.values([input("c", { type: "plain_text_input" })]), {});
  assert.deepEqual(form.values([{ type: "divider" }]), {});
});

test("an option is sent by its value, and whole where the app suggested it", () => {
  for (const [type, value, sent] of [
    ["static_select", option("x"), "x"],
    ["checkboxes", [option("x"), option("y")], ["x", "y"]],
    ["external_select", option("x"), option("x")],
    ["multi_external_select", [option("x")], [option("x")]],
    ["multi_users_select", ["U1"], ["U1"]],
    ["datetimepicker", 1755000000, 1755000000],
    ["static_select", null, null],
  ]) {
    const block = input("b", { type });
    assert.deepEqual(entered(block, value).values([block]), { b: { a: sent } });
  }
});

test("what Slack's client refuses is refused before it is sent", () => {
  const number = {
    type: "number_input",
    is_decimal_allowed: false,
    min_value: "1",
    max_value: "9",
  };
  for (const [element, right, wrong] of [
    [number, ["1", "9", ""], ["0", "10", "1.5", "x"]],
    [{ ...number, is_decimal_allowed: true }, ["1.5"], ["9.5", "1,5"]],
    [{ type: "email_text_input" }, ["a@example.com"], ["a", "a@b", "a b@example.com"]],
    [{ type: "url_text_input" }, ["https://example.com"], ["example"]],
    [{ type: "plain_text_input" }, ["anything"], []],
  ]) {
    const block = input("b", element);
    for (const value of right)
      assert.deepEqual(entered(block, value).complaints([block]), {}, value);
    for (const value of wrong) assert.ok(entered(block, value).complaints([block]).b, value);
  }
});
