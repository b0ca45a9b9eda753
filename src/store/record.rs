//! What is written to the log.

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use crate::domain::{Actor, Event, LockEvent, NameEvent, Occurred, RequestId, RuleId, Time};

/// What is to be written to the log, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When.
    pub at: Time,
    /// Which request; nothing for locks and names.
    pub request: Option<RequestId>,
    /// By whose word.
    pub actor: Actor,
    /// Under which rules.
    pub rules: Vec<RuleId>,
    /// What.
    pub body: EntryBody,
}

impl Record {
    /// The record of what happened to `request`.
    pub fn of(request: RequestId, occurred: &Occurred) -> Self {
        Self {
            at: occurred.at,
            request: Some(request),
            actor: occurred.actor.clone(),
            rules: occurred.rules.clone(),
            body: EntryBody::Request(occurred.event.clone()),
        }
    }
}

/// What an entry tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all entries are of the large variant"
)]
pub enum EntryBody {
    /// A request.
    Request(Event),
    /// A lock.
    Lock(LockEvent),
    /// A name in the targets.
    Name(NameEvent),
}

/// Time with three digits of the second, always: the same moment is the same text.
pub(super) fn time_text(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
