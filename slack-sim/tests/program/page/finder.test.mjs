// What a select offers for what is typed.

import assert from "node:assert/strict";
import test from "node:test";

import { Finder } from "../../../page/finder.js";

const options = (...all) => all.map((words) => ({ key: words, words }));

function find(config, typed) {
  const finder = new Finder(() => {});
  finder.find(config, typed);
  finder.stop();
  const groups = finder.groups.map(({ label, options }) => [
    label,
    ...options.map(({ key }) => key),
  ]);
  return { groups, said: finder.said };
}

test("options at hand are those that hold what is typed, groups without any left out", () => {
  const groups = [
    { label: "One", options: options("db-prod:write", "db-prod:read") },
    { label: "Two", options: options("Logs") },
  ];
  assert.deepEqual(find({ groups }, " PROD ").groups, [["One", "db-prod:write", "db-prod:read"]]);
  assert.equal(find({ groups }, "").groups.length, 2);
  assert.deepEqual(find({ groups }, "x"), { groups: [], said: "No results" });
});

test("no more than a hundred are offered at once", () => {
  const many = Array.from({ length: 300 }, (_, index) => `option ${index}`);
  const groups = [many.slice(0, 80), many.slice(80)].map((all) => ({ options: options(...all) }));
  const counts = find({ groups }, "").groups.map((group) => group.length - 1);
  assert.deepEqual(counts, [80, 20]);
});

test("an app is asked from the shortest text on that it wants", () => {
  const search = () => assert.fail("asked too early, or after it was stopped");
  assert.equal(find({ search, shortest: 3 }, "db").said, "Type 1 more character");
  assert.equal(find({ search, shortest: 3 }, "").said, "Type 3 more characters");
  assert.equal(find({ search, shortest: 3 }, "db-").said, "Searching…");
  assert.equal(find({ search, shortest: 0 }, "").said, "Searching…");
});
