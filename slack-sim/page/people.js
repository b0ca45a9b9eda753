// The strip of people: whoever is at the keyboard can be any of them, and sees for whom there is
// something new.

import { h } from "./dom.js";
import { hue, initials, kindLabel } from "./names.js";
import { canAct, formatPlace, settle } from "./place.js";
import { hidden } from "./hidden.js";
import { lastPlaces, unreadOf } from "./reading.js";
import { store } from "./store.js";

export function people() {
  const { workspace } = store;
  const shown = workspace.people.filter(({ id }) => id !== workspace.app.bot_user_id);
  return [
    h("p", { class: "strip-title", "aria-hidden": "true" }, "Act as"),
    h(
      "ul",
      {},
      shown.map((person) => h("li", { key: person.id }, switcher(person))),
    ),
  ];
}

function switcher(person) {
  const { workspace, at } = store;
  const name = person.real_name || person.name;
  const kind = kindLabel(person, workspace.team.id) || workspace.page.roles[person.id];
  const isMe = person.id === at.person;
  const isNew = !isMe && [...unreadOf(person.id).values()].some((count) => count > 0);
  const [first, ...rest] = name.split(/\s/);
  const face = [
    hidden("Act as"),
    picture(person.id, name),
    h("span", { class: "first-name" }, first),
    rest.length > 0 && hidden(rest.join(" ")),
    kind && h("span", { class: "badge" }, kind),
    isNew && [h("span", { class: "dot" }), hidden("new messages")],
  ];
  if (!canAct(person, workspace)) {
    return h(
      "span",
      { class: "person", "data-person": person.id, title: `${name} has left` },
      face,
    );
  }
  // To the place they were at before; a colleague who was nowhere yet comes here, if they can.
  const wish = { person: person.id, place: lastPlaces[person.id] ?? at.place };
  return h(
    "a",
    {
      class: "person",
      href: formatPlace(settle(wish, workspace, lastPlaces)),
      "data-person": person.id,
      "data-new": isNew ? "true" : undefined,
      "aria-current": isMe ? "true" : undefined,
      title: person.tz ? `${name} · ${person.tz}` : name,
    },
    face,
  );
}

/** The letters and colour that stand for somebody. */
export function picture(id, name) {
  return h("span", { class: `picture hue-${hue(id)}`, "aria-hidden": "true" }, initials(name));
}
