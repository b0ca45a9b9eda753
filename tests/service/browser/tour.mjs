// Plays the demo's tour on a phone, as it says, without a PostgreSQL.

import assert from "node:assert/strict";

import { README_LINE, address, visit } from "./visitor.mjs";

const visitor = await visit({ width: 390, height: 844 });
const { page, log, composer, places, production, modal, tour, status } = visitor;
const { be, card, says, isAccessible, picture, play } = visitor;

const pane = (name) =>
  page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name }).click();
const press = (name) => tour.getByRole("button", { name }).click();
const approve = (reason, time) =>
  card(reason)
    .getByRole("button", { name: `Approve ${time}` })
    .click();

/** Goes back to the tour, which has come to this step. */
async function comesTo(title) {
  await page
    .getByRole("navigation", { name: "Panes" })
    .getByRole("button", { name: /^Guide/ })
    .click();
  await tour.getByRole("heading", { name: title, exact: true }).waitFor();
}

/** Skips as far as the step says, which names each skip. */
async function skip(...times) {
  for (const [index, minutes] of times.entries())
    await press(`Skip ${minutes} min ${index + 1} of `);
}

/** Nothing on a phone is wider than the screen. */
async function fits(where) {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `${where} is ${width} pixels wide`);
}

const story = {
  async "On a phone the page opens on the tour"() {
    await page.goto(address);
    await tour.getByRole("heading", { name: "Request access" }).waitFor();
    assert.equal(await log.isVisible(), false);
    await fits("the tour");
    await isAccessible("the tour");
    await picture(page, "phone-tour.png");
  },

  async "Without a PostgreSQL, the console says that it simulates one, and how to install it"() {
    await pane("Production console");
    await says(production.locator("#database"), /simulates this database/);
    await says(production.locator("#database"), /sudo apt install postgresql/);
    await fits("the console");
    await comesTo("Request access");
  },

  async "The README's line is ready to be sent"() {
    await press("Show me");
    assert.equal(await composer.inputValue(), README_LINE);
    await picture(page, "phone-line.png");
    await composer.press("Enter");
    const next = page.getByRole("button", { name: "Guide next step" });
    await next.waitFor();
    await comesTo("Try to approve your own request");
    assert.equal(await next.count(), 0, "what was seen is not new");
    await tour.getByText("1 of 13 done", { exact: true }).waitFor();
  },

  async "A step that is skipped does not count as done"() {
    await press(/^Skip$/);
    await comesTo("Try it as a guest");
    await tour.getByText("1 of 13 done, 1 skipped").waitFor();
    await tour.getByRole("button", { name: /^Step 2: .*, skipped$/ }).waitFor();
    await isAccessible("the tour with a skipped step");
  },

  async "A guest is refused, and Bob approves"() {
    await press("Show me");
    await approve("writes are failing", "30m");
    await comesTo("Approve it as Bob");
    await press("Show me");
    await fits("the channel");
    await picture(page, "phone-card.png");
    await approve("writes are failing", "30m");
    await comesTo("Use the access");
  },

  async "The tour shows the open console"() {
    await press("Show me");
    await says(status, "Open");
    await fits("the open console");
    await picture(page, "phone-console.png");
    await comesTo("Use the access");
    await press("Next");
  },

  async "It skips to the warning before the end, and then to the end"() {
    await comesTo("See the warning before the end");
    await picture(page, "phone-skips.png");
    await skip(10, 10, 5, 1, 1);
    await comesTo("Let the access end");
    await skip(1, 1, 1);
    await comesTo("Request a password");
    await pane("Production console");
    await says(status, "Locked");
    await comesTo("Request a password");
  },

  async "Alice alone sees the password"() {
    await press("Show me");
    await composer.press("Enter");
    await comesTo("Show the password");
    await press("Show me");
    await approve("count the failed orders", "15m");
    await be("Alice Example");
    await pane("Channels");
    await places.getByRole("link", { name: "Keylend" }).click();
    await page.getByRole("button", { name: "Show credentials" }).last().click();
    await says(modal, "Password");
    await picture(page, "phone-password.png");
    await modal.getByRole("button", { name: "Close" }).first().click();
    await comesTo("Lock everything");
  },

  async "Dana locks everything, and unlocks it"() {
    await press("Show me");
    await composer.press("Enter");
    await modal.getByRole("button", { name: "Lock", exact: true }).click();
    await modal.getByRole("heading", { name: "Locked" }).waitFor();
    await modal.getByRole("button", { name: "Close" }).first().click();
    await pane("Production console");
    await says(production.locator("#active"), "Everything is locked");
    await comesTo("Unlock");
    await press("Show me");
    await composer.press("Enter");
    await comesTo("Read the audit log");
  },

  async "At the end it says what was skipped, which can still be done"() {
    await press("Show me");
    await says(log, "db-prod:write");
    await comesTo("Read the audit log");
    await press("Next");
    await comesTo("Explore on your own");
    await press("Finish");
    await comesTo("End of the tour");
    await tour.getByText("You skipped 1 step.").waitFor();
    await picture(page, "phone-end.png");
    await press(/^Step 2: /);
    await comesTo("Try to approve your own request");
  },
};

await play(story);
