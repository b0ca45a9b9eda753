// The address says who and where, and never leads to where somebody cannot be.

import assert from "node:assert/strict";
import test from "node:test";

import { formatPlace, parsePlace, settle } from "../../../page/place.js";

const channel = (id, members, more) => ({ id, name: id, members, ...more });
const workspace = {
  app: { bot_user_id: "UAPP" },
  people: ["U1", "U2", "UAPP"].map((id) => ({ id, kind: "member" })),
  channels: [channel("CA", ["U1"]), channel("CB", ["U1", "U2"]), channel("CZ", ["U2"])],
  page: { start: { person: "U2", channel: "CZ" } },
};
workspace.people.push({ id: "UGONE", kind: "deactivated" });
const go = (hash, last) => formatPlace(settle(parsePlace(hash), workspace, last));

test("an address is the same in both directions", () => {
  for (const hash of ["#U1/CA", "#U1/home", "#U1/dm", "#U1/CB/1755.000100"]) {
    assert.equal(formatPlace(parsePlace(hash)), hash);
    assert.equal(go(hash), hash);
  }
});

test("without an address the visit begins where the page says", () => {
  assert.equal(go(""), "#U2/CZ");
  assert.equal(go("#U1"), "#U1/CA");
});

test("somebody who cannot be played, or is not there, is somebody else", () => {
  for (const hash of ["#UAPP/CB", "#UGONE/CB", "#UNOBODY/CB", "#%E0%A4%A/CB"])
    assert.equal(go(hash), "#U2/CB");
});

test("a place where they cannot be is their last, else the first that they can", () => {
  assert.equal(go("#U2/CA", { U2: "CB" }), "#U2/CB");
  assert.equal(go("#U2/CA"), "#U2/CZ");
  assert.equal(go("#U1/CZ/1755.1"), "#U1/CA");
});
