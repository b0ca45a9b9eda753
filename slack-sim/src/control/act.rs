//! Doing what a person could do: only with what they see, as it stands now.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Body, Refused};
use crate::{
    actor::Actor,
    blocks,
    delivery::Delivery,
    message::Message,
    modal::Submission,
    sim::{Inner, Sim},
    view::View,
    web_api::replace_view,
};

type Done = Result<Json<Value>, Refused>;

/// Characters that a person may write at once.
const MOST_WRITTEN: usize = 12_000;

/// Where an element is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Message { channel: String, ts: String },
    View { view_id: String },
}

/// What the place holds.
enum Surface {
    Message(Box<Message>),
    View(View),
}

impl Surface {
    fn blocks(&self) -> &Value {
        match self {
            Self::Message(message) => &message.blocks,
            Self::View(view) => view.blocks(),
        }
    }
}

/// What is filled in, by `block_id` and `action_id`.
type Values = Map<String, Value>;

#[derive(Deserialize)]
pub(super) struct Written {
    channel: String,
    text: String,
    thread_ts: Option<String>,
}

pub(super) async fn command(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(written): Body<Written>,
) -> Done {
    let actor = actor(inner, &person)?;
    writable(&actor, &written)?;
    let (command, text) = match written.text.trim().split_once(char::is_whitespace) {
        Some((command, text)) => (command, text.trim()),
        None => (written.text.trim(), ""),
    };
    if !command.starts_with('/') {
        let message = "a command starts with a slash, such as /jit";
        return Err(Refused::impossible("not_a_command", message));
    }
    if !actor
        .sim
        .inner
        .read(|state| state.workspace.has_command(command))
    {
        actor.sim.inner.change(|state, now| {
            let text = format!("`{command}` is not a valid command.");
            state.slackbot(&actor.id, &written.channel, text, now);
        });
        return Ok(Json(
            json!({"ok": false, "status": 0, "error": "unknown_command"}),
        ));
    }
    let sent = actor.try_command(&written.channel, command, text).await;
    outcome(&sent?)
}

pub(super) async fn message(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(written): Body<Written>,
) -> Done {
    let actor = actor(inner, &person)?;
    writable(&actor, &written)?;
    if let Some(ts) = &written.thread_ts {
        seen(&actor, &written.channel, ts)?;
    }
    let thread = written.thread_ts.as_deref();
    let message = actor.say_in(&written.channel, thread, &written.text);
    Ok(Json(json!({"ts": message.ts})))
}

#[derive(Deserialize)]
pub(super) struct Use {
    r#in: Place,
    block_id: String,
    action_id: String,
    value: Option<Value>,
    #[serde(default)]
    values: Values,
}

pub(super) async fn action(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(used): Body<Use>,
) -> Done {
    let actor = actor(inner, &person)?;
    let mut surface = surface(&actor, &used.r#in)?;
    if let Surface::View(view) = &mut surface {
        fill(&actor, view, &used.values)?;
    }
    let inner = &actor.sim.inner;
    let offered = inner.read(|state| state.offered_for(&used.action_id));
    let found = blocks::find_in(surface.blocks(), &used.block_id, &used.action_id)?;
    let chosen = match &used.value {
        None => None,
        Some(value) => Some(
            blocks::entered(found.element, value, &offered)
                .map_err(|error| Refused::impossible("no_such_choice", error))?,
        ),
    };
    let payload = inner.change(|state, now| {
        let action = state.action(&found, None, chosen.as_ref(), now);
        match &surface {
            Surface::Message(message) => {
                state.message_action(&inner.base, &actor.id, message, action, now)
            }
            Surface::View(view) => state.view_action(&actor.id, view, action, now),
        }
    });
    outcome(&actor.interact(payload).await)
}

#[derive(Deserialize)]
pub(super) struct Search {
    r#in: Place,
    block_id: String,
    action_id: String,
    typed: String,
}

pub(super) async fn suggestion(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(search): Body<Search>,
) -> Done {
    let actor = actor(inner, &person)?;
    let surface = surface(&actor, &search.r#in)?;
    let found = blocks::find_in(surface.blocks(), &search.block_id, &search.action_id)?;
    let payload = actor.sim.inner.read(|state| match &surface {
        Surface::View(view) => state.suggestion(&actor.id, view, &found, &search.typed),
        Surface::Message(message) => {
            state.message_suggestion(&actor.id, message, &found, &search.typed)
        }
    });
    let delivery = actor.search(&search.action_id, payload).await;
    if !delivery.is_ok() {
        return outcome(&delivery);
    }
    let answer = delivery.json();
    Ok(Json(match answer.get("option_groups") {
        Some(groups) => json!({"option_groups": groups}),
        None => json!({"options": blocks::list(&answer["options"])}),
    }))
}

#[derive(Deserialize)]
pub(super) struct Filled {
    view_id: String,
    #[serde(default)]
    values: Values,
}

pub(super) async fn submission(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(filled): Body<Filled>,
) -> Done {
    let actor = actor(inner, &person)?;
    let mut view = modal(&actor, &filled.view_id)?;
    fill(&actor, &mut view, &filled.values)?;
    let unfinished = view.unfinished();
    if !unfinished.is_empty() {
        return Ok(Json(json!({"outcome": "errors", "errors": unfinished})));
    }
    let submission = actor.submit_view(&view, |_| {}).await;
    Ok(Json(match submission {
        Submission::Closed => json!({"outcome": "closed"}),
        Submission::Errors(errors) => json!({"outcome": "errors", "errors": errors}),
        Submission::Updated(_) => json!({"outcome": "updated"}),
        Submission::Pushed(_) => json!({"outcome": "pushed"}),
        Submission::Cleared => json!({"outcome": "cleared"}),
        Submission::Invalid(why) => {
            tracing::warn!(%why, "the app's answer to a submission is not one that Slack takes");
            json!({"outcome": "invalid", "message": TROUBLE})
        }
        Submission::Http { .. } => json!({"outcome": "failed", "message": TROUBLE}),
    }))
}

/// What Slack says under a form whose submission came to nothing.
const TROUBLE: &str = "We had some trouble connecting. Try again?";

#[derive(Deserialize)]
pub(super) struct Closing {
    view_id: String,
}

pub(super) async fn closing(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(closing): Body<Closing>,
) -> Done {
    let actor = actor(inner, &person)?;
    let view = modal(&actor, &closing.view_id)?;
    settled(actor.close_view(&view).await.as_ref())
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tab {
    Home,
    Messages,
}

#[derive(Deserialize)]
pub(super) struct Opening {
    tab: Tab,
}

pub(super) async fn home(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
    Body(opening): Body<Opening>,
) -> Done {
    let actor = actor(inner, &person)?;
    let tab = match opening.tab {
        Tab::Home => "home",
        Tab::Messages => "messages",
    };
    settled(actor.open_app(tab).await.as_ref())
}

/// What came of what the app may not have to be told.
fn settled(delivery: Option<&Delivery>) -> Done {
    match delivery {
        Some(delivery) => outcome(delivery),
        None => Ok(Json(json!({"ok": true, "status": 200, "error": null}))),
    }
}

fn outcome(delivery: &Delivery) -> Done {
    let error = delivery.failure();
    Ok(Json(json!({
        "ok": error.is_none(),
        "status": delivery.status,
        "error": error,
    })))
}

fn actor(inner: Arc<Inner>, person: &str) -> Result<Actor, Refused> {
    inner.open_dm(person)?;
    Ok(Actor::new(Sim::within(inner), person))
}

/// Whether they may write this there.
fn writable(actor: &Actor, written: &Written) -> Result<(), Refused> {
    let channel = &written.channel;
    if written.text.trim().is_empty() || written.text.chars().count() > MOST_WRITTEN {
        let message = format!("a text has between 1 and {MOST_WRITTEN} characters");
        return Err(Refused::impossible("msg_too_long", message));
    }
    actor.sim.inner.read(|state| {
        let known = state.workspace.channels.get(channel);
        match known {
            Some(known) if !known.members.contains(&actor.id) => {
                Err(Refused::not_there(format!("they are not in {channel}")))
            }
            Some(known) if known.is_archived => Err(Refused::impossible(
                "is_archived",
                "the channel is archived",
            )),
            None if state.dm_owner(channel) != Some(&actor.id) => {
                Err(Refused::not_there(format!("there is no channel {channel}")))
            }
            _ => Ok(()),
        }
    })
}

fn surface(actor: &Actor, place: &Place) -> Result<Surface, Refused> {
    match place {
        Place::Message { channel, ts } => {
            let message = seen(actor, channel, ts)?;
            Ok(Surface::Message(Box::new(message)))
        }
        Place::View { view_id } => view(actor, view_id).map(Surface::View),
    }
}

fn seen(actor: &Actor, channel: &str, ts: &str) -> Result<Message, Refused> {
    let message = actor.sim.message(channel, ts);
    message
        .filter(|message| {
            let inner = &actor.sim.inner;
            inner.read(|state| state.can_see(&actor.id, message))
        })
        .ok_or_else(|| Refused::not_there(format!("they see no message {ts} in {channel}")))
}

/// One of their modals.
fn modal(actor: &Actor, id: &str) -> Result<View, Refused> {
    let inner = &actor.sim.inner;
    let found = inner.read(|state| {
        let modals = state.modals.get(&actor.id);
        let mut modals = modals.into_iter().flatten();
        modals.find(|view| view.id() == id).cloned()
    });
    found.ok_or_else(|| Refused::not_there(format!("they have no modal {id} open")))
}

/// One of their modals, or their App Home.
fn view(actor: &Actor, id: &str) -> Result<View, Refused> {
    match actor.home().filter(|view| view.id() == id) {
        Some(home) => Ok(home),
        None => modal(actor, id),
    }
}

/// Puts what is filled in into the view, and keeps it there.
fn fill(actor: &Actor, view: &mut View, values: &Values) -> Result<(), Refused> {
    let inner = &actor.sim.inner;
    for (block_id, actions) in values {
        for (action_id, value) in actions.as_object().into_iter().flatten() {
            let offered = inner.read(|state| state.offered_for(action_id));
            view.enter(Some(block_id), action_id, value, &offered)?;
        }
    }
    let kept = view.clone();
    inner.change(|state, _| replace_view(state, &actor.id, kept));
    Ok(())
}
