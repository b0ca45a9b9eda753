// Each reader sees times in their own zone, by the simulator's clock.

import assert from "node:assert/strict";
import test from "node:test";

import { clockTime, formatDate, localOfUnix, unixOfLocal } from "../../../page/dates.js";

/** Tuesday, 2025-08-12, 12:00:00 UTC. */
const NOON = 1_755_000_000;
const at = (format, unix = NOON, now = NOON, tz = "UTC") => formatDate(format, unix, { now, tz });

test("every token is what Slack documents", () => {
  const later = NOON + 400 * 86_400;
  for (const [format, here, far] of [
    ["{date_num}", "2025-08-12", "2025-08-12"],
    ["{date_slash}", "12/08/2025", "12/08/2025"],
    ["{date}", "August 12th", "August 12th, 2025"],
    ["{date_short}", "Aug 12", "Aug 12, 2025"],
    ["{date_long}", "Tuesday, August 12th", "Tuesday, August 12th, 2025"],
    ["{date_long_full}", "August 12, 2025", "August 12, 2025"],
    ["{date_pretty}", "Today", "August 12th, 2025"],
    ["{date_short_pretty}", "Today", "Aug 12, 2025"],
    [
      "on {date_long_pretty} at {time}",
      "on today at 12:00",
      "on Tuesday, August 12th, 2025 at 12:00",
    ],
    ["{time_secs}", "12:00:00", "12:00:00"],
    ["{ago}", "In 0 seconds", "1 year ago"],
    ["{nothing} {", "{nothing} {", "{nothing} {"],
  ]) {
    assert.equal(at(format), here);
    assert.equal(at(format, NOON, later), far);
  }
});

test("yesterday, today and tomorrow are those of the reader's zone", () => {
  const late = NOON + 11 * 3600;
  assert.equal(at("{date_short_pretty} {time}", late), "Today 23:00");
  assert.equal(at("{date_short_pretty} {time}", late, NOON, "Europe/Berlin"), "Tomorrow 01:00");
  assert.equal(at("{date_pretty}", NOON - 86_400), "Yesterday");
  assert.equal(clockTime(NOON, "America/New_York"), "08:00");
});

test("days have their ordinals", () => {
  const days = [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31];
  const said = days.map((day) => at("{date}", Date.UTC(2025, 7, day) / 1000).split(" ")[1]);
  assert.equal(said.join(" "), "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 23rd 31st");
});

test("an unknown zone is UTC, and a time that cannot be is none", () => {
  assert.equal(at("{time}", NOON, NOON, "Mars/Olympus"), "12:00");
  assert.equal(at("{time}", NOON, NOON, null), "12:00");
  assert.equal(at("{time}", 9_999_999_999_999), null);
});

test("a local time is the same in both directions, across a change of the clocks too", () => {
  for (const local of [
    "2025-08-12T14:00",
    "2025-10-26T01:30",
    "2025-10-26T03:30",
    "2025-12-31T23:59",
  ]) {
    assert.equal(localOfUnix(unixOfLocal(local, "Europe/Berlin"), "Europe/Berlin"), local);
  }
  assert.equal(unixOfLocal("2025-08-12T14:00", "Europe/Berlin"), NOON);
  assert.equal(unixOfLocal("soon", "UTC"), null);
});
