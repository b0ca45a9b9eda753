//! What one person sees, and waiting for it to change.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use serde::Deserialize;

use super::refused::Refused;
use crate::{
    message::Message,
    sim::Inner,
    state,
    wire::{Author, SeenMessage, Sees, Version, seconds},
};

/// How long a wait for changes lasts at most.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

pub(super) async fn sees(
    State(inner): State<Arc<Inner>>,
    Path(person): Path<String>,
) -> Result<Json<Sees>, Refused> {
    let dm = inner.open_dm(&person)?;
    // Read before the state: what changes in between is then seen twice rather than never.
    let version = *inner.changes().borrow();
    let now = seconds((inner.clock)());
    inner.read(|state| {
        let visible = state.messages.iter();
        let visible = visible.filter(|message| state.can_see(&person, message));
        let modals = state.modals.get(&person).into_iter().flatten();
        Ok(Json(Sees {
            version,
            now,
            dm,
            messages: visible.map(|one| message(state, one)).collect(),
            modals: modals.map(|view| view.json.clone()).collect(),
            home: state.homes.get(&person).map(|view| view.json.clone()),
        }))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn changes(
    State(inner): State<Arc<Inner>>,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Json<Version>, Refused> {
    let Query(After { after }) =
        query.map_err(|error| Refused::senseless("invalid_arguments", error.body_text()))?;
    let mut changes = inner.changes();
    let newer = changes.wait_for(|version| *version > after);
    // Nothing new in time is an answer too: the same version.
    drop(tokio::time::timeout(LONGEST_WAIT, newer).await);
    let version = *changes.borrow();
    Ok(Json(Version { version }))
}

fn message(state: &state::State, message: &Message) -> SeenMessage {
    let from = match message.user.as_str() {
        "USLACKBOT" => Author::Slackbot,
        user if user == state.workspace.bot_user_id => Author::App,
        _ => Author::Person,
    };
    SeenMessage {
        channel: message.channel.clone(),
        ts: message.ts.clone(),
        thread_ts: message.thread_ts.clone(),
        is_broadcast: message.is_broadcast,
        user: message.user.clone(),
        bot_id: message.bot_id.clone(),
        from,
        text: message.text.clone(),
        blocks: message.blocks.clone(),
        edited: message.edited.clone(),
        ephemeral: message.ephemeral_to.is_some(),
    }
}
