// What there is to choose from in each kind of select.
//
// A source is a function from the element and its use to `{groups}` or `{search, shortest}`, with
// `option` (from a value of the form to an option of the list) and `value` (back again).

import { enter, suggest } from "./actions.js";
import { h } from "./dom.js";
import { canAct, channelsOf } from "./place.js";
import { plain, words } from "./text.js";

/** Slack asks an app only from the third character on, unless the app says otherwise. */
const SHORTEST = 3;

/** A select whose options come from `source`. */
export const select = (source) => (it, use) => {
  const { id, label, labelledBy, describedBy, isWrong, surface, block } = use;
  const { option, value, ...offered } = source(it, use);
  const isMultiple = it.type.startsWith("multi_");
  const chosen = surface.form.value(block, it);
  const all = (isMultiple ? chosen : [chosen]) ?? [];
  const placeholder = words(it.placeholder);
  return h("sim-select", {
    config: {
      id: labelledBy ? id : undefined,
      name: `${id}-${[...it.action_id].map((letter) => letter.codePointAt(0).toString(36)).join("")}`,
      label: placeholder || label || "Choose",
      labelledBy,
      describedBy,
      isWrong,
      placeholder: placeholder || "Choose",
      autofocus: it.focus_on_load === true,
      isMultiple,
      most: it.max_selected_items,
      isClearable: block.optional === true,
      chosen: all.filter((one) => one !== null && one !== undefined).map(option),
      choose: (options) => {
        const values = options.map(value);
        enter(use, block, it, isMultiple ? values : (values[0] ?? null));
      },
      ...offered,
    },
  });
};

/** Options that the app sent with the element. */
export function listed(it, { reader }) {
  const groups = it.option_groups ?? [{ label: null, options: it.options ?? [] }];
  return { groups: groupsOf(groups, reader), ...asObjects(reader) };
}

/** Options that the app suggests for what is typed. */
export function suggested(it, use) {
  const search = async (typed) => groupsOf(await suggest(use, use.block, it, typed), use.reader);
  return { search, shortest: it.min_query_length ?? SHORTEST, ...asObjects(use.reader) };
}

/** Everybody who is still here. */
export function peopleIn(it, { reader }) {
  const { names } = reader;
  const there = names.workspace.people.filter((one) => canAct(one, names.workspace));
  return byId(there, (id) => names.author(id));
}

/** The public channels that the reader sees. */
export function channelsIn(it, { reader }) {
  const { names } = reader;
  const all = channelsOf(reader.me, names.workspace).filter(
    (one) => !one.is_private && !one.is_archived,
  );
  return byId(all, (id) => `#${names.channelName(id)}`);
}

/** The channels that the reader sees, as the element's filter leaves them. */
export function conversationsIn(it, { reader }) {
  const { names } = reader;
  const { include, exclude_external_shared_channels: noShared } = it.filter ?? {};
  const isIn = (one) => !include || include.includes(one.is_private ? "private" : "public");
  const all = channelsOf(reader.me, names.workspace);
  const left = all.filter(
    (one) => isIn(one) && !one.is_archived && !(noShared && one.is_ext_shared),
  );
  return byId(left, (id) => `#${names.channelName(id)}`);
}

function byId(all, name) {
  const option = (id) => ({ key: id, words: name(id), shown: name(id), value: id });
  return {
    groups: [{ label: null, options: all.map(({ id }) => option(id)) }],
    option,
    value: ({ key }) => key,
  };
}

const asObjects = (reader) => ({ option: (it) => option(it, reader), value: ({ value }) => value });

function groupsOf(groups, reader) {
  return groups.map(({ label, options }) => ({
    label: label && words(label),
    options: options.map((it) => option(it, reader)),
  }));
}

function option(it, reader) {
  const about = it.description && plain(it.description, reader);
  return { key: it.value, words: words(it.text), shown: plain(it.text, reader), about, value: it };
}
