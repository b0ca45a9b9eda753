// What is patched keeps everything that a person has in hand: focus, scroll position, typed text.

import assert from "node:assert/strict";
import test from "node:test";

import { h, patch } from "../../../page/dom.js";
import { root } from "./fake_dom.mjs";

const item = (key, text = key) => h("li", { key }, text);

test("an element that stays is the same element, and is not moved", () => {
  const list = root();
  patch(
    list,
    ["a", "b", "c"].map((key) => item(key)),
  );
  const [, b, c] = list.childNodes;
  patch(list, [item("b", "B"), item("c"), item("d")]);
  assert.deepEqual(list.childNodes.slice(0, 2), [b, c]);
  assert.equal(list.text, "Bcd");
  assert.deepEqual([b.moves, c.moves], [1, 1]);
});

test("elements change places by their keys", () => {
  const list = root();
  patch(
    list,
    ["a", "b", "c"].map((key) => item(key)),
  );
  const before = new Set(list.childNodes);
  patch(
    list,
    ["c", "a", "b"].map((key) => item(key)),
  );
  assert.equal(list.text, "cab");
  assert.deepEqual(new Set(list.childNodes), before);
});

test("what appears before an element without a key, and goes again, leaves it alone", () => {
  const parent = root();
  const form = () => h("form", {}, "x");
  patch(parent, [form()]);
  const [made] = parent.childNodes;
  patch(parent, [h("p", {}, "trouble"), form()]);
  assert.equal(parent.childNodes[1], made);
  patch(parent, [false, form()]);
  assert.deepEqual(parent.childNodes, [made]);
});

test("another tag or another key is another element", () => {
  const parent = root();
  patch(parent, h("p", { key: 1 }, "x"));
  const [p] = parent.childNodes;
  patch(parent, h("div", { key: 1 }, "x"));
  const [div] = parent.childNodes;
  patch(parent, h("div", { key: 2 }, "x"));
  assert.equal(new Set([p, div, parent.childNodes[0]]).size, 3);
});

test("what is typed stays until another value is described", () => {
  const parent = root();
  const draw = (value, more) => patch(parent, h("input", { value, ...more }));
  draw("");
  const [input] = parent.childNodes;
  input.value = "half a tho";
  draw("", { class: "wrong" });
  assert.equal(input.value, "half a tho");
  draw("whole");
  assert.equal(input.value, "whole");
});

test("attributes and listeners come, change and go", () => {
  const parent = root();
  const heard = [];
  const draw = (props) => patch(parent, h("a", props));
  draw({ href: "#1", hidden: true, on: { click: () => heard.push(1) } });
  const [a] = parent.childNodes;
  a.dispatch("click");
  draw({ title: "t", "aria-busy": false, on: { click: () => heard.push(2) } });
  a.dispatch("click");
  draw({});
  a.dispatch("click");
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(a.attributes, {});
  assert.equal(a.hidden, false);
});

test("the same description is not looked at again", () => {
  const parent = root();
  const same = h("p", {}, "x");
  patch(parent, [same]);
  parent.childNodes[0].childNodes[0].data = "changed by hand";
  patch(parent, [same]);
  assert.equal(parent.text, "changed by hand");
});

test("text is text, and a custom element fills itself", () => {
  const parent = root();
  patch(parent, [h("p", {}, "<b>bold</b>", 7, null, undefined, true, [["!"]]), h("sim-menu", {})]);
  const [p, menu] = parent.childNodes;
  assert.deepEqual(
    p.childNodes.map(({ data }) => data),
    ["<b>bold</b>", "7", "!"],
  );
  patch(menu, h("button", {}, "its own"));
  patch(parent, [h("p", {}), h("sim-menu", {})]);
  assert.equal(menu.text, "its own");
});
