// Plays the demo as a visitor does, by the names and roles that a screen reader reads too.
//
//   node story.mjs ADDRESS NODE_MODULES PICTURES
//
// Every state that the story passes through is held against axe-core's rules for accessibility.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [address, modules, pictures] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Background work of the browser's own would only look for hosts that are not there. */
const QUIET = [
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** As root, as in a container, Chromium has no sandbox to offer. */
const SANDBOX = process.getuid() === 0 ? ["--no-sandbox"] : [];

const browser = await chromium.launch({
  executablePath: process.env.KEYLEND_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--disable-gpu", "--disable-quic", "--no-first-run", ...QUIET, ...SANDBOX],
});
const context = await browser.newContext({
  viewport: { width: 1400, height: 900 },
  reducedMotion: "reduce",
  locale: "en-GB",
});
const page = await context.newPage();
page.setDefaultTimeout(15_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));
page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
mkdirSync(pictures, { recursive: true });

const main = page.getByRole("main", { name: "Conversation" });
const log = main.getByRole("log");
const composer = main.getByRole("textbox", { name: /^Message / });
const modal = page.getByRole("dialog");
const tour = page.getByRole("region", { name: "Guided tour" });
const console_ = page.frameLocator('iframe[title="Production console"]');
const door = console_.locator("#door");

const be = (name) => follow(page.getByRole("link", { name: `Act as ${name}` }));
const open = (place) =>
  follow(
    page
      .getByRole("navigation", { name: "Channels and apps" })
      .getByRole("link", { name: place }),
  );
const tab = (name) => main.getByRole("link", { name }).or(main.getByRole("tab", { name })).click();
const card = () => log.getByRole("article").filter({ hasText: "Access request" }).last();
const says = (place, text) => place.getByText(text).last().waitFor();

/** Clicks a link and waits until the page is there: until then the links of the old one are shown. */
async function follow(link) {
  await link.click();
  await link.and(page.locator("[aria-current]")).waitFor();
}

async function type(line) {
  await composer.fill(line);
  await composer.press("Enter");
}

/** Holds what is on the screen against the rules. */
async function isAccessible(where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ iframes: false }));
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`,
  );
  assert.deepEqual(found, [], `${where} is accessible`);
}

const picture = (what, name) => what.screenshot({ path: join(pictures, name) });

const story = {
  async "The tour says what to try, and the console is shut"() {
    await page.goto(address);
    await says(door, "Shut");
    await isAccessible("the first page");
  },

  async "Alice asks in one line"() {
    await tour.getByRole("button", { name: "Show me" }).click();
    await composer.press("Enter");
    await says(log, "Pending approval");
    await tour.getByRole("heading", { name: "Approve it yourself" }).waitFor();
  },

  async "Her own approval is refused, to her alone"() {
    await open("approvals");
    await isAccessible("the card");
    await picture(card(), "approval.png");
    await card().getByRole("button", { name: "Approve 30m" }).click();
    await says(log, "approve or deny your own request");
    await says(log, "Only visible to you");
    await says(door, "Shut");
  },

  async "A guest is refused, and a stranger does not see the channel"() {
    await be("Gil Guest");
    await open("approvals");
    await card().getByRole("button", { name: "Approve 30m" }).click();
    await says(log, "full members");
    await be("Stella Stranger");
    const places = page.getByRole("navigation", { name: "Channels and apps" });
    await places.getByRole("link", { name: "inc-4212-partner" }).waitFor();
    assert.equal(await places.getByRole("link", { name: "approvals" }).count(), 0);
    await says(door, "Shut");
  },

  async "Bob approves, and the console opens"() {
    await be("Bob Example");
    await open("approvals");
    await card().getByRole("button", { name: "Approve 30m" }).click();
    await says(card(), "Active until");
    await says(door, "Open");
    await console_.getByText(/^(30:00|29:\d\d)$/).waitFor();
    await picture(page, "demo.png");
    assert.equal(await card().getByRole("button", { name: "Approve" }).count(), 0);
  },

  async "It is open for Alice alone"() {
    const who = console_.getByLabel("Signed in as");
    await who.selectOption("bob");
    await says(door, "Shut");
    await who.selectOption("alice");
    await console_.getByRole("button", { name: "Restart the worker" }).click();
    await console_.getByText("The worker runs again.").waitFor();
  },

  async "Her Home says what she holds, until when"() {
    await be("Alice Example");
    await open("Keylend");
    await says(main, "Production console");
    await main.getByRole("button", { name: "I'm done" }).waitFor();
    await isAccessible("the Home");
  },

  async "She is done early, and the console shuts"() {
    await tab("Messages");
    await log.getByRole("button", { name: "I'm done" }).last().click();
    await says(log, "has ended");
    await says(door, "Shut");
  },

  async "What is of low risk is granted at once, by a rule"() {
    await be("Bob Example");
    await open("inc-4211");
    await type("/jit request logs:read 1h what do the workers say");
    await open("Keylend");
    await says(main, "Application logs");
    await main.getByRole("button", { name: "I'm done" }).waitFor();
  },

  async "The form says what is wrong on the field"() {
    await be("Alice Example");
    await open("inc-4211");
    await type("/jit");
    await modal.getByRole("combobox").first().fill("console");
    await modal.getByRole("option", { name: /console:enter/ }).click();
    await modal.getByLabel("Ticket").fill("INC-4211");
    await modal.getByLabel("Reason").fill("writes are failing again");
    await isAccessible("the form");
    await picture(modal, "request.png");
    await modal.getByLabel("Ticket").fill("nonsense");
    await modal.getByRole("button", { name: "Request" }).click();
    await says(modal, "console:enter takes a ticket such as");
    await isAccessible("the form with a complaint");
    await modal.getByLabel("Ticket").fill("INC-4211");
    await modal.getByRole("button", { name: "Request" }).click();
    await modal.waitFor({ state: "hidden" });
  },

  async "Bob decides in his Home, where it waits for him"() {
    await be("Bob Example");
    await open("Keylend");
    await says(main, "writes are failing again");
    await picture(main.locator(".sheet"), "home.png");
    await main.getByRole("button", { name: /^Approve/ }).click();
    await says(door, "Open");
    await says(main, "No request needs your decision");
    await be("Alice Example");
    await open("Keylend");
    await main.getByRole("button", { name: "I'm done" }).waitFor();
  },

  async "At the minute it ends, it is shut, whether or not anybody remembers"() {
    const skip = (time) => page.getByRole("button", { name: `Skip ahead ${time} min` }).click();
    for (const time of [10, 10, 5, 1, 1]) await skip(time);
    await tab("Messages");
    await says(log, "ends");
    await says(door, "Open");
    await skip(5);
    await says(door, "Shut");
    await says(log, "has ended");
  },

  async "Everything is in the audit channel, for those who are in it"() {
    assert.equal(await page.getByRole("link", { name: "audit" }).count(), 0);
    await be("Bob Example");
    await open("audit");
    await says(log, "console:enter");
  },
};

for (const [rule, play] of Object.entries(story)) {
  try {
    await play();
    assert.deepEqual(complaints, [], "the page complains of nothing");
  } catch (error) {
    await page.screenshot({ path: join(pictures, "failed.png") });
    console.error(`${rule}: FAILED; the screen is ${join(pictures, "failed.png")}`);
    console.error(error.message, complaints);
    await browser.close();
    process.exit(1);
  }
  console.log(`${rule}: so it is`);
}
await browser.close();
