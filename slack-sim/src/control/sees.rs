//! What there is, and what one person sees of it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refused;
use crate::{
    app::App,
    message::Message,
    sim::Inner,
    state,
    workspace::{Channel, Group, Kind, Person, Workspace},
};

/// How long a wait for changes lasts at most.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

pub(super) async fn workspace(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let page = inner.page();
    let clock_moves = inner.time_moves();
    inner.read(|state| {
        let workspace = &state.workspace;
        let manifest = workspace.manifest.as_ref();
        let commands = manifest.map(|manifest| manifest.commands.as_slice());
        let commands = commands.unwrap_or_default().iter().map(|command| {
            json!({
                "command": command.command,
                "description": command.description,
                "usage_hint": command.usage_hint,
            })
        });
        let transport = match state.app {
            Some(App::Http { .. }) => "http".into(),
            Some(App::Socket) => "socket".into(),
            None => Value::Null,
        };
        let mut page = json!(page);
        page["clock_moves"] = json!(clock_moves);
        Json(json!({
            "team": {"id": workspace.team_id, "name": workspace.domain},
            "app": app(workspace),
            "transport": transport,
            "people": workspace.people.values().map(|one| person(workspace, one)).collect::<Vec<_>>(),
            "groups": workspace.groups.values().map(group).collect::<Vec<_>>(),
            "channels": workspace.channels.values().map(channel).collect::<Vec<_>>(),
            "commands": commands.collect::<Vec<_>>(),
            "page": page,
        }))
    })
}

pub(super) async fn sees(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
) -> Result<Json<Value>, Refused> {
    let version = *inner.changes().borrow();
    let dm = inner.open_dm(&person)?;
    let now = (inner.clock)().timestamp_micros();
    inner.read(|state| {
        let visible = state.messages.iter();
        let visible = visible.filter(|message| state.can_see(&person, message));
        let messages: Vec<Value> = visible.map(|one| message(state, one)).collect();
        let modals = state.modals.get(&person).into_iter().flatten();
        Ok(Json(json!({
            "version": version,
            "now": now as f64 / 1e6,
            "dm": dm,
            "messages": messages,
            "modals": modals.map(|view| &view.json).collect::<Vec<_>>(),
            "home": state.homes.get(&person).map(|view| &view.json),
        })))
    })
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn changes(
    State(inner): State<Arc<Inner>>,
    Query(After { after }): Query<After>,
) -> Json<Value> {
    let mut changes = inner.changes();
    let newer = changes.wait_for(|version| *version > after);
    // Nothing new in time is an answer too: the same version.
    drop(tokio::time::timeout(LONGEST_WAIT, newer).await);
    let version = *changes.borrow();
    Json(json!({"version": version}))
}

fn app(workspace: &Workspace) -> Value {
    let manifest = workspace.manifest.as_ref();
    json!({
        "id": workspace.app_id,
        "name": manifest.map_or(&workspace.bot_name, |manifest| &manifest.name),
        "bot_user_id": workspace.bot_user_id,
        "bot_id": workspace.bot_id,
        "home_tab": manifest.is_none_or(|manifest| manifest.home_tab),
        "messages_tab": manifest.is_none_or(|manifest| manifest.messages_tab),
    })
}

fn person(workspace: &Workspace, person: &Person) -> Value {
    let kind = match person.kind {
        Kind::Member => "member",
        Kind::Guest => "guest",
        Kind::SingleChannelGuest => "single_channel_guest",
        Kind::Bot => "bot",
        Kind::Stranger { .. } => "stranger",
        Kind::Deactivated => "deactivated",
    };
    json!({
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "kind": kind,
        "team_id": workspace.team_of(person),
        "tz": person.tz,
    })
}

fn group(group: &Group) -> Value {
    json!({"id": group.id, "handle": group.handle, "members": group.members})
}

fn channel(channel: &Channel) -> Value {
    json!({
        "id": channel.id,
        "name": channel.name,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_ext_shared": channel.is_ext_shared,
        "members": channel.members,
    })
}

fn message(state: &state::State, message: &Message) -> Value {
    let from = match message.user.as_str() {
        "USLACKBOT" => "slackbot",
        user if user == state.workspace.bot_user_id => "app",
        _ => "person",
    };
    json!({
        "channel": message.channel,
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "bot_id": message.bot_id,
        "from": from,
        "text": message.text,
        "blocks": message.blocks,
        "edited": message.edited,
        "ephemeral": message.ephemeral_to.is_some(),
    })
}
