// Who is at the keyboard and what they look at, as the part of the address after `#`.
//
// `#U0BOB/C0DBA`, `#U0ALICE/home`, `#U0ALICE/dm`, and with a thread `#U0BOB/C0DBA/1755.000100`.
// Because it is in the address, two windows can be two people, a reload changes nothing, and every
// person and place is an ordinary link.

/** `{person, place, thread}`, each null if it is not said. */
export function parsePlace(hash) {
  const [person, place, thread] = hash
    .replace(/^#/, "")
    .split("/")
    .map((part) => decode(part) || null);
  return { person: person ?? null, place: place ?? null, thread: thread ?? null };
}

export function formatPlace({ person, place, thread }) {
  const parts = [person, place, thread].filter((part) => part);
  return `#${parts.map(encodeURIComponent).join("/")}`;
}

/**
 * Where they are: what is asked for if they can be there, else the nearest that they can.
 * `last` says where each person was before, by person.
 */
export function settle(asked, workspace, last = {}) {
  const start = workspace.page.start;
  const people = workspace.people.filter((person) => canAct(person, workspace));
  const person =
    people.find(({ id }) => id === asked.person) ??
    people.find(({ id }) => id === start?.person) ??
    people[0];
  if (!person) return { person: null, place: null, thread: null };
  const channels = channelsOf(person.id, workspace).map(({ id }) => id);
  const isOpen = (place) => place === "home" || place === "dm" || channels.includes(place);
  const wishes = [asked.place, last[person.id], start?.channel, channels[0], "dm"];
  const place = wishes.find((wish) => wish && isOpen(wish));
  return { person: person.id, place, thread: place === asked.place ? asked.thread : null };
}

/** Whether somebody at the keyboard can be this person: neither the app itself nor who left. */
export function canAct(person, workspace) {
  return person.id !== workspace.app.bot_user_id && person.kind !== "deactivated";
}

/** The channels they are in, those in use first. */
export function channelsOf(person, workspace) {
  const theirs = workspace.channels.filter(({ members }) => members.includes(person));
  const order = (channel) => `${channel.is_archived ? 1 : 0}${channel.name}`;
  return theirs.sort((one, other) => (order(one) < order(other) ? -1 : 1));
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
