//! `apps.connections.open`: where to connect for Socket Mode.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::error::Answer;
use crate::state::State;

/// Gives out an address that is good once, for half a minute.
pub(super) fn connections_open(state: &mut State, now: DateTime<Utc>) -> Answer {
    let ticket = state.unique(32);
    state.sockets.issue(ticket.clone(), now);
    let authority = &state.sockets.authority;
    let app_id = &state.workspace.app_id;
    Ok(json!({"url": format!("ws://{authority}/link/?ticket={ticket}&app_id={app_id}")}))
}
