// What is active, and what the targets say of themselves.

let before = "";

/** Draws it if it has changed, so that a selection and the focus stay. */
export function draw(overview) {
  const text = JSON.stringify(overview);
  if (text === before) return;
  before = text;
  if (overview === null) {
    fill("active", p("Keylend does not answer. Trying again.", "about"));
    return;
  }
  const { active, database: target, accounts } = overview;
  fill("active", ...active.locks.map(lock), access(active.access));
  fill("database", ...database(target));
  fill("accounts", roles(accounts));
}

function lock({ what, by, reason }) {
  const line = p("", "lock");
  line.append(strong(`${what} is locked`), ` by ${by}: ${reason}`);
  return line;
}

function access(all) {
  if (all.length === 0) return p("Nobody has access now.", "about");
  const rows = all.map(({ who, scope, until, approved_by, status }) => {
    const end = until === null ? "" : `${new Date(until).toISOString().slice(11, 16)} UTC`;
    return [who, scope, status === "active" ? end : status, approved_by.join(", ")];
  });
  return table(["Who", "Scope", "Until", "Approved by"], rows);
}

function database({ simulated, version, psql, members, sessions }) {
  if (simulated) return [p(simulated), roles(members)];
  const parts = [
    p(`PostgreSQL ${version} runs on this machine for this demo. Connect as Alice:`),
    command(psql),
    p("Then try TABLE orders; with and without access."),
  ];
  if (!members) return [...parts, p("The database does not answer. Trying again.", "about")];
  const connected = sessions.map(({ login, program, state }) => [login, program, state]);
  const open =
    connected.length === 0
      ? p("Nobody is connected.", "about")
      : table(["Connected", "Program", "State"], connected);
  return [...parts, roles(members), open];
}

function roles(members) {
  if (members.length === 0) return p("Nobody has a role.", "about");
  return table(
    ["Login", "Role"],
    members.map(({ login, role }) => [login, role]),
  );
}

/** A line to copy. */
function command(line) {
  const shown = element("code", line);
  const copy = element("button", "Copy");
  copy.type = "button";
  copy.setAttribute("aria-label", "Copy the command");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      copy.textContent = "Copied";
    } catch {
      // A browser that does not let pages copy: then the visitor does.
      getSelection().selectAllChildren(shown);
    }
  });
  const row = element("div");
  row.className = "command";
  row.append(shown, copy);
  return row;
}

function table(heads, rows) {
  const made = element("table");
  const head = made.createTHead().insertRow();
  for (const text of heads) {
    const cell = element("th", text);
    cell.scope = "col";
    head.append(cell);
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const text of row) line.insertCell().textContent = text;
  }
  return made;
}

const fill = (id, ...parts) => document.getElementById(id).replaceChildren(...parts);

const strong = (text) => element("strong", text);

function p(text, kind = "") {
  const made = element("p", text);
  if (kind) made.className = kind;
  return made;
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
