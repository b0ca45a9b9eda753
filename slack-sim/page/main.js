// A small Slack in the browser: where the page begins, and where it is drawn.
//
// | to see | read |
// |---|---|
// | what the page knows, and how it follows the simulator | `store.js`, `follow.js` |
// | how descriptions become the document | `dom.js` |
// | the parts of the page | `people.js`, `places.js`, `chat.js`, `thread.js`, `modal.js`, `side.js` |
// | texts | `mrkdwn.js`, `dates.js`, `text.js`, `rich_text.js` |
// | Block Kit | `blocks.js`, `elements.js`, `form.js`, `actions.js` |

import * as api from "./api.js";
import { banner } from "./banner.js";
import { chat } from "./chat.js";
import { patch } from "./dom.js";
import { follow } from "./follow.js";
import { drawModal } from "./modal.js";
import { isNarrow, panes, showPane } from "./panes.js";
import { people } from "./people.js";
import { formatPlace, parsePlace, settle } from "./place.js";
import { places } from "./places.js";
import { beginReading, lastPlaces, readWhatShows } from "./reading.js";
import "./menu.js";
import { keepScroll } from "./scroll.js";
import "./select.js";
import { drawSide } from "./side.js";
import { changed, me, now, onChange, store } from "./store.js";
import { drawThread } from "./thread.js";
import { isTourOpen } from "./tour.js";

const part = (id) => document.getElementById(id);

let isOpened = false;

function draw() {
  patch(part("banner"), banner());
  if (!store.workspace || store.seen.size === 0) return;
  // Where one pane shows at a time, a visit begins with what there is to try.
  if (!isOpened && isNarrow() && isTourOpen()) showPane("tour");
  isOpened = true;
  goWhereAsked();
  readWhatShows();
  const { person } = store.at;
  const reader = { names: store.names, me: person, now: now(), tz: me().tz ?? "UTC", pane: "chat" };
  const scrolled = keepScroll(part("chat"), part("thread"));
  patch(part("people"), people());
  patch(part("places"), places());
  patch(part("chat"), chat(reader));
  drawThread(part("thread"), reader);
  drawSide(part("side"), part("tour"), part("beside"));
  patch(part("panes"), panes());
  drawModal(part("modal"), reader);
  scrolled();
  document.title = title();
}

/** Follows the address, and puts what it comes to into it. */
function goWhereAsked() {
  const asked = parsePlace(location.hash);
  const at = settle(asked, store.workspace, lastPlaces);
  const before = store.at;
  store.at = at;
  if (formatPlace(at) !== formatPlace(asked)) history.replaceState(null, "", formatPlace(at));
  const isApp = at.place === "home" || at.place === "dm";
  if (isApp && (at.person !== before.person || at.place !== before.place)) openApp(at);
}

/** Tells the app that a person has opened it, as Slack does each time. */
function openApp({ person, place }) {
  const tab = place === "home" ? "home" : "messages";
  api.act(person, "home", { tab }).catch((error) => console.warn(error.message));
}

function title() {
  const { page, team } = store.workspace;
  const { person, place } = store.at;
  const name = store.names.channel(place)?.name;
  const where = name ? `#${name}` : store.workspace.app.name;
  return `${where} · ${store.names.author(person)} · ${page.title || team.name}`;
}

onChange(draw);
addEventListener("hashchange", () => showPane("chat"));
document.querySelector(".skip").addEventListener("click", (event) => {
  // Followed as a link it would change the address, which says who is at the keyboard.
  event.preventDefault();
  showPane("chat");
  part("chat").focus();
});
document.addEventListener("visibilitychange", changed);
// Times such as “3 minutes ago” and the clock go on by themselves.
setInterval(changed, 1000);
follow(() => {
  beginReading();
  changed();
});
