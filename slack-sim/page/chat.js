// The middle of the page: the open channel, or the app with its two tabs.

import { blocks } from "./blocks.js";
import { composer } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { channelLog } from "./messages.js";
import { formatPlace } from "./place.js";
import { mySight, store } from "./store.js";
import { surfaceOf } from "./surfaces.js";

export function chat(reader) {
  const { place } = store.at;
  if (place === "home" || place === "dm") return app(place, reader);
  const channel = store.names.channel(place);
  return [
    h("header", { key: "header", class: "bar" }, [
      h("h1", {}, icon(channel.is_private ? "lock" : "hash", 18), channel.name),
      h("p", { class: "about" }, about(channel)),
    ]),
    channelLog(reader, `Messages in #${channel.name}`),
    channel.is_archived
      ? h("p", { key: "archived", class: "closed" }, "This channel is archived: it is only read.")
      : composer(`#${channel.name}`),
  ];
}

function about(channel) {
  const count = channel.members.length === 1 ? "1 person" : `${channel.members.length} people`;
  const traits = [
    channel.is_private && "private",
    channel.is_ext_shared && "shared with another company",
    channel.is_archived && "archived",
  ];
  return [count, ...traits.filter(Boolean)].join(" · ");
}

function app(place, reader) {
  const { app } = store.workspace;
  const { home } = mySight();
  const tab = (to, name) => {
    const href = formatPlace({ person: reader.me, place: to });
    return h("a", { href, "aria-current": place === to ? "page" : undefined }, name);
  };
  return [
    h("header", { key: "header", class: "bar with-tabs" }, [
      h("h1", {}, icon("app", 18), app.name),
      h("nav", { class: "tabs", "aria-label": `${app.name} tabs` }, [
        app.home_tab && tab("home", "Home"),
        tab("dm", "Messages"),
      ]),
    ]),
    place === "home"
      ? appHome(home, reader, app.name)
      : channelLog(reader, `Messages with ${app.name}`),
    place === "dm" && app.takes_messages && composer(app.name),
  ];
}

function appHome(home, reader, name) {
  const key = `home ${reader.me}`;
  const label = `${name} Home`;
  const props = { key, class: "home", role: "region", "aria-label": label, tabindex: 0 };
  if (!home)
    return h("div", props, h("p", { class: "empty" }, `${name} has not published a Home yet.`));
  const surface = surfaceOf(home);
  return h("div", { ...props, "data-view-id": home.id }, [
    h("div", { class: "sheet" }, blocks(home.blocks, { reader, surface })),
    surface.warning &&
      h("p", { class: "warning", role: "status" }, icon("warning"), surface.warning),
  ]);
}
