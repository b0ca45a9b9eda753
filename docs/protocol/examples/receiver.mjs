#!/usr/bin/env node
// A complete receiver for Keylend's orders, as a web service.
//
//     export KEYLEND_WEBHOOK_SECRET=…
//     receiver.mjs --folder /var/lib/receiver --port 8081    # [backends.NAME.webhook]
//
// Replace `Target` with the system in which you grant access; the rest can stay as it is. With
// `--slow SECONDS` it answers orders with 202 and carries them out later, as you would if your
// system takes longer than Keylend waits.
//
// Put a proxy that speaks TLS in front of it, and run one process for a folder. docs/protocol.md
// describes the protocol. Needs Node 18.11 or later, and nothing else.

import { createHmac, timingSafeEqual } from "node:crypto";
import * as fs from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

const VERSION = 1;
const MAX_BODY = 1024 * 1024;
const MAX_AGE = 300; // seconds that a signature is valid
const REMEMBERED = 24 * 3600; // seconds that an order which is done stays known
const RETRY_AFTER = 1; // seconds after which Keylend asks for the status of pending work

/** An answer other than 2xx. Keylend shows its text to people. */
class Answer extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** A map that is kept in a file, as a whole or not at all. One process has it to itself. */
class File {
  constructor(folder, name) {
    this.folder = folder;
    this.path = join(folder, name);
    this.content = new Map(Object.entries(this.read()));
  }

  read() {
    try {
      return JSON.parse(fs.readFileSync(this.path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return {};
      throw error;
    }
  }

  /** Changes a copy, which counts once it is saved. */
  change(how) {
    const content = structuredClone(this.content);
    how(content);
    const file = fs.openSync(`${this.path}.new`, "w", 0o600);
    fs.writeFileSync(file, JSON.stringify(Object.fromEntries(content)));
    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(`${this.path}.new`, this.path);
    const folder = fs.openSync(this.folder, "r");
    fs.fsyncSync(folder);
    fs.closeSync(folder);
    this.content = content;
  }
}

/**
 * The system in which access is granted. This one is a file; yours has an API.
 *
 * `grant` and `revoke` may be called again after a crash, so they must not mind what is done
 * already. After an exception Keylend tries again.
 */
class Target {
  constructor(folder) {
    this.table = new File(folder, "access.json");
  }

  /** Gives the person the access, or sets its new end. */
  async grant({ entitlement, requester, params, expires_at }) {
    this.table.change((access) => {
      access.set(entitlement, { username: requester.username, params, expires_at });
    });
  }

  /** Takes the access away and ends what is open under it. There may be nothing to take. */
  async revoke({ entitlement }) {
    this.table.change((access) => access.delete(entitlement));
  }

  /** Whether the person has the access now. Ask the system itself, not your own records. */
  async has({ entitlement }) {
    return this.table.content.has(entitlement);
  }
}

/** Takes orders: refuses those that are too old, and carries the others out. */
class Receiver {
  constructor(folder) {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.target = new Target(folder);
    this.orders = new File(folder, "orders.json");
    this.turn = Promise.resolve();
  }

  /** Writes the order down before anything is done about it. */
  take(order) {
    const known = this.orders.content.get(order.handle);
    if (known) {
      const same = known.order.idempotency_key === order.idempotency_key;
      const newerBy = order.generation - known.order.generation;
      if (newerBy < 0 || (newerBy === 0 && !same)) {
        throw new Answer(409, "a newer order for this handle has come before");
      }
      if (newerBy === 0) return; // a repetition: it is done, or will be
    }
    const now = Date.now() / 1000;
    this.orders.change((orders) => {
      for (const [handle, other] of orders) {
        // Only the newest order for a piece of access counts, whichever grant it is for.
        if (other.order.entitlement === order.entitlement) other.pending = false;
        // Signatures are valid for minutes, so this one can no longer be replayed.
        if (!other.pending && other.at < now - REMEMBERED) orders.delete(handle);
      }
      orders.set(order.handle, { order, pending: true, at: now });
    });
  }

  /** Carries out what is pending. Returns the entitlements for which the target failed. */
  work() {
    // One at a time: an order that is under way must not take effect after a newer one.
    const work = this.turn.then(() => this.workAlone());
    this.turn = work.catch(() => {});
    return work;
  }

  async workAlone() {
    const failed = new Set();
    for (;;) {
      const next = [...this.orders.content.values()].find(
        ({ order, pending }) => pending && !failed.has(order.entitlement),
      );
      if (!next) return failed;
      const { order } = next;
      try {
        await this.carryOut(order);
      } catch (error) {
        // Whatever it is: the order stays pending.
        console.error(error);
        failed.add(order.entitlement);
        continue;
      }
      this.orders.change((orders) => {
        const known = orders.get(order.handle);
        // What came meanwhile is still to be done.
        if (known?.order.idempotency_key === order.idempotency_key) known.pending = false;
      });
    }
  }

  async carryOut(order) {
    if (order.action === "revoke") await this.target.revoke(order);
    else if (!hasExpired(order)) await this.target.grant(order);
  }

  /** Takes an order and carries it out now. */
  async obey(order) {
    this.take(order);
    const failed = await this.work();
    if (failed.has(order.entitlement)) throw new Error("the target failed");
  }

  /** The answer to `status`. */
  async status(order) {
    // Read before the target: what becomes pending from here on is asked about again.
    const pending = [...this.orders.content.values()].some(
      (known) => known.pending && known.order.entitlement === order.entitlement,
    );
    const present = await this.target.has(order);
    return pending ? { present, pending, retry_after: RETRY_AFTER } : { present };
  }
}

const hasExpired = ({ expires_at }) => Date.parse(expires_at) <= Date.now();

/** The order in these bytes. */
function parse(body) {
  let order;
  try {
    order = JSON.parse(body);
  } catch {
    throw new Answer(422, "the order is not JSON");
  }
  if (order?.version !== VERSION) {
    throw new Answer(422, `this receiver knows version ${VERSION} of the protocol alone`);
  }
  if (!["grant", "revoke", "status"].includes(order.action)) {
    throw new Answer(422, "this receiver knows the actions grant, revoke and status");
  }
  const texts = [order.handle, order.entitlement, order.expires_at, order.requester?.username];
  if (order.action !== "status") texts.push(order.idempotency_key);
  if (
    !texts.every((text) => typeof text === "string") ||
    !Number.isSafeInteger(order.generation) ||
    typeof order.params !== "object"
  ) {
    throw new Answer(422, "the order lacks a field, or has one of another type");
  }
  if (Number.isNaN(Date.parse(order.expires_at))) throw new Answer(422, "expires_at is not a time");
  if (order.action === "grant" && hasExpired(order)) throw new Answer(422, "the grant has expired");
  return order;
}

/** Whether Keylend signed this body just now. */
function isGenuine(secret, timestamp = "", signature = "", body) {
  const expected = createHmac("sha256", secret).update(`v1:${timestamp}:`).update(body).digest();
  const given = /^v1=([0-9a-f]{64})$/.exec(signature);
  // In constant time: how long it takes must not tell how much of a guess is right.
  const signed = given !== null && timingSafeEqual(expected, Buffer.from(given[1], "hex"));
  return signed && Math.abs(Date.now() / 1000 - Number(timestamp)) <= MAX_AGE;
}

async function bodyOf(request) {
  const length = Number(request.headers["content-length"] ?? NaN);
  if (Number.isNaN(length)) throw new Answer(411, "the length is missing");
  if (length > MAX_BODY) throw new Answer(413, "the order is too large");
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const { values: options } = parseArgs({
  options: {
    folder: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8081" },
    slow: { type: "string", default: "0" },
  },
});
const secret = process.env.KEYLEND_WEBHOOK_SECRET;
if (!options.folder || !secret) {
  console.error("set KEYLEND_WEBHOOK_SECRET, and say --folder");
  process.exit(2);
}
const slow = Number(options.slow);
const receiver = new Receiver(options.folder);

let timer;

function workLater(seconds) {
  timer ??= setTimeout(async () => {
    timer = undefined;
    const failed = await receiver.work().catch(console.error);
    if (!failed || failed.size > 0) workLater(5);
  }, seconds * 1000);
}

async function answer(request) {
  if (request.method !== "POST") throw new Answer(405, "orders come with POST");
  const body = await bodyOf(request);
  const { "keylend-timestamp": timestamp, "keylend-signature": signature } = request.headers;
  if (!isGenuine(secret, timestamp, signature, body)) {
    throw new Answer(401, "the signature is wrong or old");
  }
  const order = parse(body.toString("utf8"));
  if (order.action === "status") {
    const status = JSON.stringify(await receiver.status(order));
    return [200, status, { "Content-Type": "application/json" }];
  }
  if (slow > 0) {
    receiver.take(order);
    workLater(slow);
    return [202, "", { "Retry-After": RETRY_AFTER }];
  }
  await receiver.obey(order);
  return [200, "", {}];
}

const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
  let status, text, headers;
  try {
    [status, text, headers] = await answer(request);
  } catch (error) {
    [status, text] = [error.status ?? 503, error.message];
    if (status === 503) {
      // People in Slack read the answer, so the details stay here.
      console.error(error);
      text = "the receiver or its target failed; its log says how";
    }
    headers = { "Content-Type": "text/plain; charset=utf-8" };
    if (!request.complete) headers.Connection = "close"; // the body was not read
  }
  response.writeHead(status, headers).end(text);
});

workLater(0); // what a crash has left
server.listen(Number(options.port), options.host, () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}`);
});
