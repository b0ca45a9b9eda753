// What people, groups and channels are called.

/** Looks ids up in the workspace; an id that nobody has is its own name. */
export function namesIn(workspace) {
  const byId = (all) => new Map(all.map((one) => [one.id, one]));
  const people = byId(workspace.people);
  const groups = byId(workspace.groups);
  const channels = byId(workspace.channels);
  const { app } = workspace;
  return {
    workspace,
    person: (id) => people.get(id),
    channel: (id) => channels.get(id),
    /** What is written over their messages. */
    author(id) {
      if (id === app.bot_user_id) return app.name;
      if (id === "USLACKBOT") return "Slackbot";
      const person = people.get(id);
      return person?.real_name || person?.name || id;
    },
    /** What is written after `@` and `#`. */
    handle: (id) => (id === app.bot_user_id ? app.name : (people.get(id)?.name ?? id)),
    groupHandle: (id) => groups.get(id)?.handle ?? id,
    channelName: (id) => channels.get(id)?.name ?? id,
    isInGroup: (group, person) => groups.get(group)?.members.includes(person) ?? false,
  };
}

/** How a person's kind is marked; a member's is not. */
export function kindLabel(person, team) {
  switch (person.kind) {
    case "guest":
    case "single_channel_guest":
      return "guest";
    case "stranger":
      return "external";
    case "bot":
      return "app";
    case "deactivated":
      return "left";
    default:
      return person.team_id === team ? "" : "external";
  }
}

/** One or two letters for a picture. */
export function initials(name) {
  const words = name.split(/[\s._-]+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0].toUpperCase()).join("") || "?";
}

/** Which of the eight colours of pictures an id has. */
export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 65_521;
  return sum % 8;
}
