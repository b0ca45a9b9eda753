#!/usr/bin/env node
// A complete receiver for Keylend's orders, as a web service.
//
//     export KEYLEND_WEBHOOK_SECRET=…
//     receiver.mjs --backend wiki --folder /var/lib/receiver    # [backends.wiki.webhook]
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
import { isDeepStrictEqual, parseArgs } from "node:util";

const VERSION = 1;
const MAX_BODY = 1024 * 1024;
const MAX_AGE = 300; // seconds that a signature is valid
const REMEMBERED = 24 * 3600; // seconds that an order which is done stays known at least
const RETRY_AFTER = 1; // seconds after which Keylend asks for the status of pending work
const GRANTED_BY = "keylend"; // what the target says of access that was granted here

/** An answer other than 2xx. Keylend shows its text to people. */
class Answer extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** A map that is kept in a file, changed as a whole or not at all. One process alone changes it. */
class File {
  constructor(folder, name) {
    this.folder = folder;
    this.path = join(folder, name);
  }

  read() {
    try {
      return new Map(Object.entries(JSON.parse(fs.readFileSync(this.path, "utf8"))));
    } catch (error) {
      if (error.code === "ENOENT") return new Map();
      throw error;
    }
  }

  /** Changes the content, which counts once it is saved. */
  change(how) {
    const content = this.read();
    how(content);
    const file = fs.openSync(`${this.path}.new`, "w", 0o600);
    fs.writeFileSync(file, JSON.stringify(Object.fromEntries(content)));
    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(`${this.path}.new`, this.path);
    const folder = fs.openSync(this.folder, "r");
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  }
}

/**
 * The system in which access is granted. This one is a table in a file; yours has an API.
 *
 * `grant` and `revoke` may be called again after a crash, so they must not mind what is done
 * already. After an exception Keylend tries again.
 */
class Target {
  constructor(folder) {
    this.folder = folder;
    this.table = new File(folder, "access.json");
  }

  /** Gives the person the access, or sets its new end. */
  async grant({ entitlement, requester, params, expires_at }) {
    this.table.change((access) => {
      const { username } = requester;
      access.set(entitlement, { username, params, expires_at, granted_by: GRANTED_BY });
    });
  }

  /** Takes the access away and ends what is open under it. There may be nothing to take. */
  async revoke({ entitlement }) {
    this.table.change((access) => access.delete(entitlement));
  }

  /** Whether the person has the access now. Ask the system itself, not your own records. */
  async has({ entitlement }) {
    return this.table.read().has(entitlement);
  }

  /** What the person left behind under access that has ended, such as tokens. Here: nothing. */
  async leftovers(_order) {
    return [];
  }

  /** Everybody who has what these parameters give, whoever granted it. */
  async holders(params) {
    const rows = [...this.table.read()].filter(([, row]) => isDeepStrictEqual(row.params, params));
    return rows.map(([entitlement, { username, granted_by }]) => {
      const managed = granted_by === GRANTED_BY;
      return { name: username, granted_by, managed, entitlement: managed ? entitlement : null };
    });
  }

  /**
   * What the system is, and what this receiver may do in it. Changes nothing. `layers` are the
   * parameters that access is granted with. This table takes any.
   */
  async diagnose(_layers) {
    this.table.read();
    const answer = { version: "a table in a file", present: ["read the table"], missing: [] };
    try {
      fs.accessSync(this.folder, fs.constants.W_OK);
      answer.present.push("change the table");
    } catch {
      answer.missing.push(`change the table: make ${this.folder} writable for this process`);
    }
    return answer;
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
    const known = this.orders.read().get(order.handle);
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
        // Nothing that Keylend signed for it can be replayed any more.
        if (!other.pending && other.at < now - REMEMBERED && hasExpired(other.order, MAX_AGE)) {
          orders.delete(handle);
        }
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
      const next = [...this.orders.read().values()].find(
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

  /** The answer to an order that changes nothing; nothing for an order that does. */
  async answer(order) {
    if (order.action === "status") return this.status(order);
    if (order.action === "diagnose") return this.target.diagnose(order.layers);
    if (order.action === "inventory") return { holders: await this.target.holders(order.params) };
  }

  async status(order) {
    // Read before the target: what becomes pending from here on is asked about again.
    const pending = [...this.orders.read().values()].some(
      (known) => known.pending && known.order.entitlement === order.entitlement,
    );
    const present = await this.target.has(order);
    if (pending) return { present, pending, retry_after: RETRY_AFTER };
    return present ? { present } : { present, leftovers: await this.target.leftovers(order) };
  }
}

const hasExpired = ({ expires_at }, secondsAgo = 0) =>
  Date.parse(expires_at) + secondsAgo * 1000 <= Date.now();

const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// The fields of each action that are used here, with what they have to be.
const STATUS = {
  handle: isText,
  generation: Number.isSafeInteger,
  entitlement: isText,
  requester: (requester) => isText(requester?.username),
  params: isObject,
  expires_at: (text) => isText(text) && !Number.isNaN(Date.parse(text)),
};
const CHANGE = { ...STATUS, idempotency_key: isText };
const ACTIONS = new Map([
  ["grant", CHANGE],
  ["revoke", CHANGE],
  ["status", STATUS],
  ["diagnose", { layers: Array.isArray }],
  ["inventory", { params: isObject }],
]);

/** The order in these bytes, if it is one for this backend. */
function parse(body, backend) {
  let order;
  try {
    order = JSON.parse(body);
  } catch {
    throw new Answer(422, "the order is not JSON");
  }
  if (order?.version !== VERSION) {
    throw new Answer(422, `this receiver knows version ${VERSION} of the protocol alone`);
  }
  if (order.backend !== backend) {
    throw new Answer(422, `this receiver serves the backend ${backend} alone`);
  }
  const fields = ACTIONS.get(order.action);
  if (!fields) {
    throw new Answer(501, `this receiver knows the actions ${[...ACTIONS.keys()].join(", ")}`);
  }
  for (const [name, isRight] of Object.entries(fields)) {
    if (!isRight(order[name])) throw new Answer(422, `the order has no ${name}, or a wrong one`);
  }
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
    backend: { type: "string" },
    folder: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8081" },
    slow: { type: "string", default: "0" },
  },
});
const secret = process.env.KEYLEND_WEBHOOK_SECRET;
if (!options.backend || !options.folder || !secret) {
  console.error("set KEYLEND_WEBHOOK_SECRET, and say --backend and --folder");
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
  const order = parse(body.toString("utf8"), options.backend);
  const found = await receiver.answer(order);
  if (found) return [200, JSON.stringify(found), { "Content-Type": "application/json" }];
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
