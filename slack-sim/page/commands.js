// Which slash commands a text may become.

/**
 * `{options, usage}`: the commands that start with what is typed so far, and once a command is
 * there, how it is used. Neither is there for text that is no command.
 */
export function suggestCommands(commands, text) {
  const nothing = { options: [], usage: null };
  if (!text.startsWith("/") || text.includes("\n")) return nothing;
  const [name, ...rest] = text.split(" ");
  const exact = commands.find(({ command }) => command === name);
  if (rest.length > 0) return { ...nothing, usage: exact ?? null };
  return { ...nothing, options: commands.filter(({ command }) => command.startsWith(name)) };
}
