// The console's page: asks once a second whether its visitor may be here, and shows what it was
// told. Between two answers it counts down by itself, and shuts by itself when the time is over.

const at = (id) => document.getElementById(id);
const who = at("who");

/** When the grant ends, in milliseconds of this page's own clock; 0 while the door is shut. */
let ends = 0;

const SHUT = {
  "no grant": "Nobody enters without a grant that is active now. Ask for one in Slack.",
  "no check": "The check does not answer, and no answer is a no.",
  over: "The time is over.",
};

async function visit() {
  const visitor = who.value;
  let told;
  try {
    const answer = await fetch(`visit?who=${encodeURIComponent(visitor)}`, {
      signal: AbortSignal.timeout(3000),
    });
    told = await answer.json();
  } catch {
    told = { open: false, why: "no check", listed: null };
  }
  if (visitor === who.value) show(told);
}

function show(told) {
  const name = who.selectedOptions[0].label.split(",")[0];
  const says = { true: `${name} may enter.`, false: `${name} is not on it.`, null: "unknown." };
  at("listed").textContent = says[told.listed];
  if (!told.open) return shut(told.why);
  const left = Date.parse(told.until) - told.now;
  ends = performance.now() + left;
  document.body.dataset.door = "open";
  at("door").textContent = "Open";
  at("why").textContent = "It shuts by itself, to the minute.";
  at("stuck").textContent = told.stuck.toLocaleString("en");
  at("restart").disabled = told.stuck === 0;
  at("inside").hidden = false;
  count();
}

function shut(why) {
  ends = 0;
  document.body.dataset.door = "shut";
  at("door").textContent = "Shut";
  at("countdown").textContent = "";
  at("why").textContent = SHUT[why];
  at("inside").hidden = true;
  at("done").textContent = "";
}

function count() {
  if (ends === 0) return;
  const left = Math.ceil((ends - performance.now()) / 1000);
  if (left <= 0) return shut("over");
  const [minutes, seconds] = [Math.floor(left / 60), left % 60];
  at("countdown").textContent = `${minutes}:${String(seconds).padStart(2, "0")}`;
}

at("restart").addEventListener("click", async () => {
  const answer = await fetch(`restart?who=${encodeURIComponent(who.value)}`, { method: "POST" });
  at("done").textContent = answer.ok ? "The worker runs again." : "The door is shut.";
  await visit();
});
who.addEventListener("change", visit);
setInterval(visit, 1000);
setInterval(count, 250);
visit();
