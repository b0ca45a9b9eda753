// A visitor of the demo, who finds everything by the names and roles that a screen reader reads too.
//
//   node STORY.mjs ADDRESS NODE_MODULES PICTURES
//
// Every state that a story passes through can be held against axe-core's rules for accessibility.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const [address, modules, pictures] = process.argv.slice(2);
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

/** The line in the README with which everything begins. */
export const README_LINE = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")
  .replaceAll("\n", " ")
  .match(/`(\/jit request [^`]+)`/)[1];

/** Opens a browser whose window is as large as `viewport`, and everything in it that stories use. */
export async function visit(viewport) {
  const browser = await chromium.launch({
    executablePath: process.env.KEYLEND_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", ...QUIET, ...SANDBOX],
  });
  const context = await browser.newContext({ viewport, reducedMotion: "reduce", locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  const outside = [];
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") outside.push(request.url());
  });
  mkdirSync(pictures, { recursive: true });

  const main = page.getByRole("main", { name: "Conversation" });
  const log = main.getByRole("log");
  const composer = main.getByRole("textbox", { name: /^Message / });
  const places = page.getByRole("navigation", { name: "Channels and apps" });
  const production = page.frameLocator('iframe[title="Production console"]');

  /** Clicks a link and waits until the page is there: until then the links of the old one are shown. */
  const follow = async (link) => {
    await link.click();
    await link.and(page.locator("[aria-current]")).waitFor();
  };
  /** Plays every rule of a story; the first that does not hold ends the program. */
  const play = async (story) => {
    for (const [rule, act] of Object.entries(story)) {
      try {
        await act();
        assert.deepEqual(complaints, [], "the page complains of nothing");
        assert.deepEqual(outside, [], "nothing leaves this machine");
      } catch (error) {
        const screen = join(pictures, "failed.png");
        await page.screenshot({ path: screen });
        console.error(`${rule}: FAILED; the screen is ${screen}`);
        console.error(error.message, complaints);
        await browser.close();
        process.exit(1);
      }
      console.log(`${rule}: so it is`);
    }
    await browser.close();
  };

  return {
    page,
    complaints,
    main,
    log,
    composer,
    places,
    production,
    play,
    modal: page.getByRole("dialog"),
    tour: page.getByRole("region", { name: "Guided tour" }),
    status: production.locator("#status"),
    be: (name) => follow(page.getByRole("link", { name: `Act as ${name}` })),
    open: (place) => follow(places.getByRole("link", { name: place })),
    /** The last card in the channel that is open. */
    card: (reason) => log.getByRole("article").filter({ hasText: reason }).last(),
    says: (place, text) => place.getByText(text).last().waitFor(),
    type: async (line) => {
      await composer.fill(line);
      await composer.press("Enter");
    },
    /** Everything that this person can see, as the page is told it. */
    seenBy: (id) =>
      page.evaluate(
        (path) => fetch(path).then((answer) => answer.text()),
        `/control/people/${id}/sees`,
      ),
    /** Holds what is on the screen, or on the page beside it, against the rules. */
    isAccessible: async (where, frame = page) => {
      await frame.evaluate(axe);
      const { violations } = await frame.evaluate(() => globalThis.axe.run({ iframes: false }));
      const found = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`,
      );
      assert.deepEqual(found, [], `${where} is accessible`);
    },
    picture: (what, name) => what.screenshot({ path: join(pictures, name) }),
  };
}
