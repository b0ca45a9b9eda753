// The smallest app on Slack's own framework for Node: it acknowledges `/jit`, and nothing else. Served
// by the framework's own HTTP receiver.
//
//   node bolt.mjs NODE_MODULES PORT

import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, port] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));
const { App, LogLevel } = require("@slack/bolt");

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
  logLevel: LogLevel.ERROR,
});

app.command("/jit", async ({ ack }) => {
  await ack();
});

await app.start({ port: Number(port), host: "127.0.0.1" });
