// The console's page. Once a second, it asks whether its visitor has access, and what is active. In
// between, it counts down, and locks when the time is over.

import { draw } from "./overview.js";

const at = (id) => document.getElementById(id);
const who = at("who");

/** When the grant ends, in milliseconds of this page's own clock; 0 while the console is locked. */
let ends = 0;

const LOCKED = {
  "no access": "You need active access to db-prod:write. Request it in Slack.",
  "no answer": "Keylend does not answer. The console stays locked until it does.",
  over: "Your access has ended.",
};

async function visit() {
  const visitor = who.value;
  const answer = await ask(`visit?who=${encodeURIComponent(visitor)}`);
  if (visitor === who.value) show(answer ?? { open: false, why: "no answer" });
}

async function look() {
  draw(await ask("overview"));
}

/** The answer; null if there is none. */
async function ask(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(3000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function show(told) {
  if (!told.open) return lock(told.why);
  const left = Date.parse(told.until) - told.now;
  ends = performance.now() + left;
  document.body.dataset.console = "open";
  say("status", "Open");
  say("why", "It locks by itself when the access ends.");
  say("stuck", told.stuck.toLocaleString("en"));
  at("restart").disabled = told.stuck === 0;
  at("inside").hidden = false;
  count();
}

function lock(why) {
  ends = 0;
  document.body.dataset.console = "locked";
  say("status", "Locked");
  say("countdown", "");
  say("why", LOCKED[why]);
  at("inside").hidden = true;
  say("done", "");
}

function count() {
  if (ends === 0) return;
  const left = Math.ceil((ends - performance.now()) / 1000);
  if (left <= 0) return lock("over");
  const [minutes, seconds] = [Math.floor(left / 60), left % 60];
  say("countdown", `${minutes}:${String(seconds).padStart(2, "0")}`);
}

/** Says it once: a screen reader reads every change. */
function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

at("restart").addEventListener("click", async () => {
  const answer = await fetch(`restart?who=${encodeURIComponent(who.value)}`, { method: "POST" });
  say("done", answer.ok ? "The worker is running again." : "You no longer have access.");
  await visit();
});
who.addEventListener("change", visit);
setInterval(visit, 1000);
setInterval(look, 1000);
setInterval(count, 250);
visit();
look();
