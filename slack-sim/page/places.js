// The list of channels and the app, for the person at the keyboard, and the clock below it.

import { clock } from "./clock.js";
import { h } from "./dom.js";
import { hidden } from "./hidden.js";
import { icon } from "./icons.js";
import { channelsOf, formatPlace } from "./place.js";
import { unreadOf } from "./reading.js";
import { me, mySight, store } from "./store.js";

export function places() {
  const { workspace, at } = store;
  const unread = unreadOf(at.person);
  const entry = (channel) => channelLink(channel, unread.get(channel.id) ?? 0);
  const { app } = workspace;
  return [
    h(
      "header",
      {},
      h("p", { class: "workspace" }, workspace.page.title || workspace.team.name),
      you(),
    ),
    h("div", { class: "lists" }, [
      h("h2", { id: "channels-title" }, "Channels"),
      h("ul", { "aria-labelledby": "channels-title" }, [
        channelsOf(at.person, workspace).map((one) => h("li", { key: one.id }, entry(one))),
      ]),
      h("h2", { id: "apps-title" }, "Apps"),
      h("ul", { "aria-labelledby": "apps-title" }, h("li", {}, appLink(app, unread))),
    ]),
    clock(),
  ];
}

function you() {
  const { name, real_name, tz } = me();
  return h(
    "p",
    { class: "you" },
    "You are ",
    h("strong", {}, real_name || name),
    tz && ` · ${tz.replace("Etc/", "")}`,
  );
}

function channelLink(channel, unread) {
  const mark = channel.is_private ? "lock" : "hash";
  return placeLink(
    channel.id,
    unread,
    store.at.place === channel.id,
    { "data-channel": channel.id },
    [
      icon(channel.is_archived ? "archive" : mark),
      h("span", { class: "name" }, channel.name),
      channel.is_private && hidden("private"),
      channel.is_archived && [h("span", { class: "note" }, " archived")],
      channel.is_ext_shared && [icon("shared"), hidden("shared with another company")],
    ],
  );
}

function appLink(app, unread) {
  const { place } = store.at;
  const isHere = place === "home" || place === "dm";
  const to = isHere ? place : app.home_tab ? "home" : "dm";
  const { dm } = mySight();
  return placeLink(to, unread.get(dm) ?? 0, isHere, { "data-channel": dm }, [
    icon("app"),
    h("span", { class: "name" }, app.name),
  ]);
}

function placeLink(place, unread, isHere, data, inner) {
  return h(
    "a",
    {
      class: unread > 0 ? "place unread" : "place",
      href: formatPlace({ person: store.at.person, place }),
      "aria-current": isHere ? "page" : undefined,
      ...data,
    },
    inner,
    unread > 0 && [
      h("span", { class: "count", "aria-hidden": "true" }, String(unread)),
      hidden(`${unread} new`),
    ],
  );
}
