// Times as the person at the keyboard reads them: in their zone, by the simulator's clock.
//
// The tokens of `<!date^…>` and of rich text, as Slack documents them
// (docs.slack.dev, messaging/formatting-message-text#date-formatting); hours count to 24, which
// is a preference in Slack. Nothing here asks what time it is.

const DAY = 86_400;
/** Within six months Slack leaves the year out. */
const NEAR = 182 * DAY;
const UNITS = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["day", DAY],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

const MONTHS =
  "January February March April May June July August September October November December".split(
    " ",
  );

const formats = new Map();

/**
 * `format` with its tokens replaced, or null if there is no such time. `now` is in seconds, `tz`
 * an IANA name.
 */
export function formatDate(format, unix, { now, tz }) {
  const at = partsOf(unix, tz);
  if (!at) return null;
  return format.replace(/\{([a-z_]{1,32})\}/g, (token, name, position) => {
    const made = TOKENS[name]?.(at, { unix, now, tz });
    if (made === undefined) return token;
    return position === 0 ? made[0].toUpperCase() + made.slice(1) : made;
  });
}

/** `10:42`. */
export const clockTime = (unix, tz) => TOKENS.time(partsOf(unix, tz));

/** `10:42:07`. */
export const clockSeconds = (unix, tz) => TOKENS.time_secs(partsOf(unix, tz));

/** What stands between the messages of two days: `Today`, `Friday, August 8th`. */
export const dayName = (unix, { now, tz }) => formatDate("{day_divider_pretty}", unix, { now, tz });

/** The seconds since 1970 of what a person in `tz` calls `2026-11-21T10:42`. */
export function unixOfLocal(local, tz) {
  const asUtc = Date.parse(`${local}Z`) / 1000;
  if (Number.isNaN(asUtc)) return null;
  // The zone's offset is that of the time itself, which is at most a day away from the guess.
  const guess = asUtc - offset(asUtc, tz);
  return asUtc - offset(guess, tz);
}

/** `2026-11-21T10:42`, as a person in `tz` calls it. */
export function localOfUnix(unix, tz) {
  return new Date((unix + offset(unix, tz)) * 1000).toISOString().slice(0, 16);
}

const TOKENS = {
  date_num: (at) => `${at.year}-${pad(at.month)}-${pad(at.day)}`,
  date_slash: (at) => `${pad(at.day)}/${pad(at.month)}/${at.year}`,
  date: (at, when) => `${at.monthName} ${ordinal(at.day)}${year(at, when)}`,
  date_long: (at, when) => `${at.weekday}, ${TOKENS.date(at, when)}`,
  date_long_full: (at) => `${at.monthName} ${at.day}, ${at.year}`,
  date_short: (at, when) => `${at.monthName.slice(0, 3)} ${at.day}${year(at, when)}`,
  date_pretty: (at, when) => nearby(at, when) ?? TOKENS.date(at, when),
  date_long_pretty: (at, when) => nearby(at, when) ?? TOKENS.date_long(at, when),
  date_short_pretty: (at, when) => nearby(at, when) ?? TOKENS.date_short(at, when),
  day_divider_pretty: (at, when) => nearby(at, when) ?? TOKENS.date_long(at, when),
  time: (at) => `${pad(at.hour)}:${pad(at.minute)}`,
  time_secs: (at) => `${TOKENS.time(at)}:${pad(at.second)}`,
  ago: (at, { unix, now }) => ago(unix - now),
};

function nearby(at, { now, tz }) {
  const today = partsOf(now, tz);
  const days = Math.round((midnight(at) - midnight(today)) / DAY);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

function ago(seconds) {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  return words.format(Math.trunc(seconds / size), unit);
}

function year(at, { unix, now }) {
  return Math.abs(unix - now) < NEAR ? "" : `, ${at.year}`;
}

function ordinal(day) {
  const teen = day % 100 > 10 && day % 100 < 14;
  return `${day}${(!teen && { 1: "st", 2: "nd", 3: "rd" }[day % 10]) || "th"}`;
}

const pad = (number) => String(number).padStart(2, "0");

const midnight = (at) => Date.UTC(at.year, at.month - 1, at.day) / 1000;

function offset(unix, tz) {
  const at = partsOf(unix, tz);
  return at ? midnight(at) + at.hour * 3600 + at.minute * 60 + at.second - Math.floor(unix) : 0;
}

/** Year, month, …, second, and the names of month and weekday; null if there is no such time. */
function partsOf(unix, tz) {
  const date = new Date(unix * 1000);
  if (Number.isNaN(date.getTime())) return null;
  const at = {};
  for (const { type, value } of formatter(tz).formatToParts(date)) at[type] = value;
  const month = MONTHS.indexOf(at.month) + 1;
  const numbers = ["year", "day", "hour", "minute", "second"].map((name) => [
    name,
    Number(at[name]),
  ]);
  return {
    ...Object.fromEntries(numbers),
    month,
    monthName: at.month,
    weekday: at.weekday,
  };
}

function formatter(tz) {
  if (!formats.has(tz)) {
    const options = {
      timeZone: zone(tz),
      hourCycle: "h23",
      weekday: "long",
      year: "numeric",
      month: "long",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    };
    formats.set(tz, new Intl.DateTimeFormat("en-US", options));
  }
  return formats.get(tz);
}

/** The zone's name, or UTC if there is no such zone. */
function zone(tz) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: tz || "UTC" }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}
