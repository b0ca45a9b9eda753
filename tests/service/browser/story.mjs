// Plays the demo on a large screen, with a real PostgreSQL.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { README_LINE, address, visit } from "./visitor.mjs";

const visitor = await visit({ width: 1400, height: 900 });
const { page, main, log, composer, places, production, modal, tour, status } = visitor;
const { complaints, be, open, card, says, type, seenBy, isAccessible, picture, play } = visitor;

const tab = (name) => main.getByRole("link", { name }).or(main.getByRole("tab", { name })).click();
const active = production.getByRole("region", { name: "Active access" });
const database = production.getByRole("region", { name: "Database db-prod" });

/** What the database answers Alice, who connects with the command that the console shows. */
async function askAsAlice(sql) {
  const command = await database.locator("code").textContent();
  try {
    const options = { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 15_000 };
    return execFileSync("sh", ["-c", `exec ${command} -Atc "$1"`, "sh", sql], options).trim();
  } catch (error) {
    return error.stderr;
  }
}

const story = {
  async "The tour says what to try, the console is locked, and nobody has access"() {
    await page.goto(address);
    await says(status, "Locked");
    await says(active, "Nobody has access now.");
    await says(database, /PostgreSQL \d+ runs on this machine/);
    assert.match(await askAsAlice("SELECT count(*) FROM orders"), /permission denied/);
    await isAccessible("the first page");
    await isAccessible("the console", page.frames()[1]);
  },

  async "Everybody says what they do"() {
    for (const who of ["Alice Example on call", "Bob Example approver", "Dana Example admin"])
      await page.getByRole("link", { name: `Act as ${who}` }).waitFor();
  },

  async "The tour suggests the README's line, which works word for word"() {
    await tour.getByText(README_LINE, { exact: true }).waitFor();
    await tour.getByRole("button", { name: "Show me" }).click();
    assert.equal(await composer.inputValue(), README_LINE);
    await composer.press("Enter");
    await tour.getByRole("heading", { name: "Try to approve your own request" }).waitFor();
  },

  async "Her own approval is refused, to her alone"() {
    await open("approvals");
    await isAccessible("the card");
    await picture(card("writes are failing"), "approval.png");
    await card("writes are failing").getByRole("button", { name: "Approve 30m" }).click();
    await says(log, "own request");
    await says(log, "Only visible to you");
    await says(status, "Locked");
  },

  async "A guest is refused, and a stranger does not see the channel"() {
    await be("Gil Guest");
    await open("approvals");
    await card("writes are failing").getByRole("button", { name: "Approve 30m" }).click();
    await says(log, "full member");
    await be("Stella Stranger");
    await places.getByRole("link", { name: "inc-4212-partner" }).waitFor();
    assert.equal(await places.getByRole("link", { name: "approvals" }).count(), 0);
    await says(status, "Locked");
  },

  async "Bob approves, and the console opens"() {
    await be("Bob Example");
    await open("approvals");
    await card("writes are failing").getByRole("button", { name: "Approve 30m" }).click();
    await says(status, "Open");
    await production.getByText(/^(30:00|29:\d\d)$/).waitFor();
    await card("writes are failing")
      .getByRole("button", { name: "Approve" })
      .waitFor({ state: "detached" });
    await picture(page, "demo.png");
  },

  async "The overview says who has what, until when, and who approved it"() {
    const row = active.getByRole("row").filter({ hasText: "Alice Example" });
    await row.filter({ hasText: "db-prod:write" }).waitFor();
    assert.match(await row.textContent(), /\d\d:\d\d UTC.*Bob Example/);
    await isAccessible("the console with active access", page.frames()[1]);
  },

  async "Alice's login can use the database"() {
    await database.getByRole("row", { name: "alice app_writer" }).waitFor();
    assert.equal(await askAsAlice("SELECT count(*) FROM orders"), "30");
  },

  async "The console is open for Alice alone"() {
    const who = production.getByLabel("Signed in as");
    await who.selectOption("bob");
    await says(status, "Locked");
    await who.selectOption("alice");
    await production.getByRole("button", { name: "Restart the worker" }).click();
    await production.getByText("The worker is running again.").waitFor();
  },

  async "Her Home says what she has, until when"() {
    await be("Alice Example");
    await open("Keylend");
    await says(main, "Production database, write");
    await main.getByRole("button", { name: "I'm done" }).waitFor();
    await isAccessible("the Home");
  },

  async "She is done early: the console locks, and the database refuses her"() {
    await tab("Messages");
    await log.getByRole("button", { name: "I'm done" }).last().click();
    await says(status, "Locked");
    await says(active, "Nobody has access now.");
    assert.match(await askAsAlice("SELECT count(*) FROM orders"), /permission denied/);
  },

  async "A rule grants what is of low risk at once"() {
    await be("Bob Example");
    await open("inc-4211");
    await type("/jit request logs:read 1h what do the workers say");
    await active.getByRole("row", { name: /logs:read .* the rule low-risk/ }).waitFor();
    await production
      .getByRole("region", { name: "Console accounts" })
      .getByRole("row", { name: "bob logs" })
      .waitFor();
  },

  async "The form says what is wrong on the field"() {
    await be("Alice Example");
    await open("inc-4211");
    await type("/jit");
    await modal.getByRole("combobox").first().fill("db-prod");
    await modal.getByRole("option", { name: /db-prod:write/ }).click();
    await modal.getByLabel("Ticket").fill("INC-4211");
    await modal.getByLabel(/^(Why|Reason)/).fill("writes are failing again");
    await isAccessible("the form");
    await picture(modal, "request.png");
    await modal.getByLabel("Ticket").fill("nonsense");
    await modal.getByRole("button", { name: "Request" }).click();
    await says(modal, "db-prod:write takes a ticket such as");
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
    await main.getByRole("button", { name: /^Approve \d/ }).click();
    await says(status, "Open");
    await be("Alice Example");
    await open("Keylend");
    await main.getByRole("button", { name: "I'm done" }).waitFor();
  },

  async "She is warned before the end, and at the minute it ends, the console is locked"() {
    const skip = (time) => page.getByRole("button", { name: `Skip ahead ${time} min` }).click();
    for (const time of [10, 10, 5, 1, 1]) await skip(time);
    await tab("Messages");
    await says(log, "ends");
    await says(status, "Open");
    await skip(5);
    await says(status, "Locked");
    assert.match(await askAsAlice("SELECT count(*) FROM orders"), /permission denied/);
  },

  async "A generated password is shown to its requester, and to nobody else"() {
    await be("Alice Example");
    await open("inc-4211");
    await type("/jit request db-prod:read 15m INC-4211 count the failed orders");
    await be("Bob Example");
    await open("approvals");
    await card("count the failed orders").getByRole("button", { name: "Approve 15m" }).click();
    await active.getByRole("row", { name: /db-prod:read/ }).waitFor();
    const button = page.getByRole("button", { name: "Show credentials" });
    for (const who of ["Bob Example", "Carol Example", "Dana Example"]) {
      await be(who);
      await open("Keylend");
      assert.equal(await button.count(), 0, `${who} has no such button`);
    }
    await be("Alice Example");
    await open("Keylend");
    // The Home may be drawn again at this moment, which a click on the old one does not survive.
    await button.last().click();
    const isShown = await modal.first().waitFor({ timeout: 5_000 }).then(() => true, () => false);
    if (!isShown) {
      complaints.length = 0;
      await button.last().click();
    }
    await says(modal, "Password");
    const password = (await modal.locator("pre").last().textContent()).trim();
    assert.match(password, /^[a-zA-Z0-9]{32}$/);
    assert.ok((await seenBy("U0ALICE")).includes(password));
    for (const other of ["U0BOB", "U0CAROL", "U0DANA", "U0ERIN", "U0GIL", "U0STELLA"])
      assert.ok(!(await seenBy(other)).includes(password), `${other} does not see it`);
    await modal.getByRole("button", { name: "Close" }).first().click();
  },

  async "Only an administrator can lock, which ends all access and refuses more"() {
    await be("Bob Example");
    await open("inc-4211");
    await type("/jit lock everything just trying");
    await says(log, /administrator/);
    assert.equal(await modal.count(), 0);
    await be("Dana Example");
    await open("inc-4211");
    await type("/jit lock everything we are under attack");
    await modal.getByRole("button", { name: "Lock", exact: true }).click();
    await says(active, "Everything is locked");
    await says(active, "by Dana Example: we are under attack");
    await says(active, "Nobody has access now.");
    await modal.getByRole("button", { name: "Close" }).first().click();
    await isAccessible("the console with a lock", page.frames()[1]);
    await be("Alice Example");
    await open("inc-4211");
    await type(README_LINE);
    await says(log, /locked/);
  },

  async "She unlocks, and requests are taken again"() {
    await be("Dana Example");
    await type("/jit unlock everything");
    await production.getByText("Everything is locked").waitFor({ state: "detached" });
    await be("Alice Example");
    await type("/jit request db-prod:write 20m INC-4211 after the lock");
    await be("Bob Example");
    await open("approvals");
    await card("after the lock").getByRole("button", { name: "Approve 20m" }).waitFor();
  },

  async "Everything is in the audit channel, for those who are in it"() {
    await be("Alice Example");
    assert.equal(await places.getByRole("link", { name: "audit" }).count(), 0);
    await be("Bob Example");
    await open("audit");
    await says(log, "db-prod:write");
  },
};

await play(story);
