// Shows everything on the page and uses it, as Alice, who lives in Berlin.
//
//   node gallery.mjs ADDRESS BOT_TOKEN NODE_MODULES

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

import { App } from "./app.mjs";
import { everyBlock, everyElement, first, second, third } from "./blocks.mjs";

const [address, token, modules] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");

const app = new App(address, token);
const stop = await app.start();
// As root, as in a container, Chromium has no sandbox to offer; without the other flags it looks for
// hosts that are not there.
const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({
  executablePath: process.env.KEYLEND_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    ...sandbox,
  ],
});
const page = await browser.newPage({ reducedMotion: "reduce" });
page.setDefaultTimeout(15_000);
// Pictures are elsewhere, where a test does not go.
await page.route("https://**", (route) => route.fulfill({ status: 204, body: "" }));
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));

const log = page.getByRole("log");
const shown = (title) => page.getByRole("dialog", { name: title });
const used = (action) =>
  app.next("block_actions", (payload) => payload.actions[0].action_id === action);
const post = (blocks) =>
  app.call("chat.postMessage", { channel: "C0GENERAL", text: "the gallery", blocks });
/** The page has heard what became of every press: a button that is still busy cannot be pressed. */
const settled = () => page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
let elements;

async function openModal() {
  const composer = page.getByRole("textbox", { name: "Message #general" });
  await composer.fill("/open");
  await composer.press("Enter");
  const { trigger_id } = await app.next("command");
  await app.call("views.open", { trigger_id, view: first });
  await shown("The first").waitFor();
}

async function fillIn(name) {
  const modal = shown("The first");
  await modal.getByRole("textbox", { name: /^Your name/ }).fill(name);
  await modal.getByLabel("A number").fill("42");
  const colours = modal.getByRole("combobox", { name: /^Colours/ });
  await colours.click();
  await modal.getByRole("option", { name: "Green" }).click();
  await colours.press("Escape");
}

const send = (title, answer) => {
  app.answer = answer;
  return shown(title).getByRole("button", { name: "Send" }).click();
};

const gallery = {
  async "Every block is shown"() {
    await page.goto(`${address}#U0ALICE/C0GENERAL`);
    await post(everyBlock);
    const card = log.getByRole("article").last();
    await card.getByRole("heading", { name: "The gallery" }).waitFor();
    for (const [tag, text] of [
      ["b, strong", "bold"],
      ["i, em", "italic"],
      ["s, del", "struck"],
      ["code", "code"],
    ])
      assert.ok(await card.locator(tag).filter({ hasText: text }).count(), `${text} is ${tag}`);
    await card.getByRole("link", { name: "a link", exact: true }).waitFor();
    for (const said of [
      "@bob",
      "#general",
      "@leads",
      "Left",
      "two",
      "small print",
      "rich and bold",
      "an item",
      "let x = 1;",
      "quoted",
    ])
      await card.getByText(said).first().waitFor();
    for (const name of ["a pixel", "another pixel", "third"])
      await card.getByRole("img", { name, exact: true }).waitFor({ state: "attached" });
  },

  async "A date is told in the reader's own zone"() {
    await log.getByText("At 2014-02-18 15:39 it was").waitFor();
  },

  async "What is hostile is text"() {
    const texts = await log.getByText("document.title='taken'").count();
    assert.equal(texts, 2);
    assert.notEqual(await page.title(), "taken");
    assert.equal(await log.locator("script").count(), 0);
    assert.equal(await log.locator('a[href^="javascript"]').count(), 0);
    await log.getByText("<b>not bold</b>").first().waitFor();
    assert.equal(await log.locator("b, strong").filter({ hasText: "not bold" }).count(), 0);
  },

  async "What the page does not know is shown as such"() {
    await log.getByText("Unsupported block").waitFor();
  },

  async "A button reaches the app with its value"() {
    elements = await post(everyElement);
    await log.getByRole("button", { name: "Go" }).click();
    const { actions, user, container } = await used("go");
    assert.deepEqual(
      [actions[0].value, user.id, container.message_ts],
      ["1", "U0ALICE", elements.ts],
    );
  },

  async "What asks first is done only after a yes"() {
    await log.getByRole("button", { name: "Destroy" }).click();
    const question = shown("Are you sure?");
    await question.getByText("It cannot be undone.").waitFor();
    await question.getByRole("button", { name: "Leave it" }).click();
    await question.waitFor({ state: "hidden" });
    assert.equal(app.received.length, 0);
    await log.getByRole("button", { name: "Destroy" }).press("Enter");
    await question.getByRole("button", { name: "Do it" }).press("Enter");
    assert.equal((await used("destroy")).actions[0].value, "2");
  },

  async "A no stays a no, however soon the question is asked again"() {
    await settled();
    // Within one turn of the page, before it hears of anything that it has closed.
    await page.evaluate(() => {
      const press = (name) =>
        [...document.querySelectorAll("button")].find((one) => one.innerText === name).click();
      ["Destroy", "Leave it", "Destroy", "Do it"].forEach(press);
    });
    assert.equal((await used("destroy")).actions[0].value, "2");
    await settled();
    await log.getByRole("button", { name: "Destroy" }).click();
    await shown("Are you sure?").press("Escape");
    await shown("Are you sure?").waitFor({ state: "hidden" });
    await log.getByRole("button", { name: "Go" }).click();
    await used("go");
    assert.equal(app.received.length, 0, "one yes is done once");
  },

  async "Every choice reaches the app"() {
    const of = (action) => log.locator(`[data-action-id="${action}"]`).last();
    const card = log.getByRole("article").last();
    const pick = async (action, name) => {
      await of(action).getByRole("combobox").or(of(action).locator("input")).first().click();
      await card.getByRole("option", { name }).click();
      return (await used(action)).actions[0];
    };
    assert.equal((await pick("colour", "Blue")).selected_option.value, "blue");
    assert.equal((await pick("somebody", /Bob/i)).selected_user, "U0BOB");
    await of("searched").getByRole("combobox").first().fill("ha");
    await card.getByRole("option", { name: "Hawk" }).click();
    assert.equal((await used("searched")).actions[0].selected_option.value, "hawk");
    assert.equal((await app.next("block_suggestion")).action_id, "searched");
    await card.getByRole("checkbox", { name: "Red" }).check();
    assert.deepEqual(
      (await used("boxes")).actions[0].selected_options.map(({ value }) => value),
      ["red"],
    );
    await card.getByRole("radio", { name: "Green" }).check();
    assert.equal((await used("one")).actions[0].selected_option.value, "green");
    await card.getByRole("button", { name: /More/ }).last().click();
    await card.getByRole("menuitem", { name: "Red" }).click();
    assert.equal((await used("more")).actions[0].selected_option.value, "red");
    await card.locator('input[type="date"]').fill("2026-02-28");
    assert.equal((await used("day")).actions[0].selected_date, "2026-02-28");
    await card.locator('input[type="time"]').fill("09:30");
    assert.equal((await used("hour")).actions[0].selected_time, "09:30");
  },

  async "A message is changed in its place"() {
    const { channel, ts } = elements;
    await app.call("chat.update", { channel, ts, text: "All is said.", blocks: [] });
    await log.getByText("All is said.").waitFor();
    assert.equal(await log.getByRole("button", { name: "Go" }).count(), 0);
    await log.getByText("edited").waitFor();
  },

  async "A form says what is missing before anything is sent"() {
    await openModal();
    await send("The first", "");
    await shown("The first").getByText("Please complete this required field.").first().waitFor();
    assert.equal(app.received.length, 0);
  },

  async "What the app complains of stands on its field, and what was typed stays"() {
    await fillIn("Alice");
    await send("The first", {
      response_action: "errors",
      errors: { name: "Another name, please." },
    });
    const name = shown("The first").getByRole("textbox", { name: /^Your name/ });
    await shown("The first").getByText("Another name, please.").waitFor();
    assert.equal(await name.inputValue(), "Alice");
    assert.ok(
      await name.evaluate((field) => field === document.activeElement),
      "the field has the focus",
    );
    const { view } = await app.next("view_submission");
    const { name: named, number, colours } = view.state.values;
    assert.deepEqual(
      [
        named.name.value,
        number.number.value,
        colours.colours.selected_options.map(({ value }) => value),
      ],
      ["Alice", "42", ["green"]],
    );
  },

  async "An update keeps what is filled in, and a push lies on it"() {
    await send("The first", { response_action: "update", view: second });
    const modal = shown("The second");
    await modal.getByText("A line that was not there before").waitFor();
    assert.equal(await modal.getByRole("textbox", { name: /^Your name/ }).inputValue(), "Alice");
    await app.next("view_submission");
    await send("The second", { response_action: "push", view: third });
    await shown("The third").waitFor();
    await app.next("view_submission");
  },

  async "Closing tells the app and shows what lies below"() {
    await page.keyboard.press("Escape");
    const { view, is_cleared } = await app.next("view_closed");
    assert.deepEqual([view.callback_id, is_cleared], ["third", false]);
    await shown("The second").waitFor();
  },

  async "A clear closes them all"() {
    await send("The second", { response_action: "clear" });
    await shown("The second").waitFor({ state: "hidden" });
    await app.next("view_submission");
  },

  async "An answer that Slack would not take leaves the form open and says so"() {
    await openModal();
    await fillIn("Alice");
    await send("The first", { response_action: "explode" });
    await shown("The first").getByRole("alert").filter({ hasText: "trouble connecting" }).waitFor();
  },
};

for (const [rule, show] of Object.entries(gallery)) {
  try {
    await show();
    assert.deepEqual(complaints, [], "the page complains of nothing");
  } catch (error) {
    console.error(`${rule}: FAILED\n${error.message}`, complaints);
    console.error(await page.locator("body").ariaSnapshot());
    if (process.env.GALLERY_PICTURE) await page.screenshot({ path: process.env.GALLERY_PICTURE });
    await browser.close();
    process.exit(1);
  }
  console.log(`${rule}: so it is`);
}
await browser.close();
stop();
