//! What is written to the log.

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, AttemptEvent, Event, GroupEvent, LockEvent, NameEvent, Occurred, RequestId, RuleId,
    Time, UnexplainedEvent,
};

/// An entry of the log before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The time of the event.
    pub at: Time,
    /// The request that it is about, if any.
    pub request: Option<RequestId>,
    /// The person, the rule or Keylend that caused it.
    pub actor: Actor,
    /// The rules that decided.
    pub rules: Vec<RuleId>,
    /// The event.
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

/// An entry that no decision depends on.
#[derive(Debug)]
pub struct Note {
    /// The entry to write. It names no request.
    pub record: Record,
    /// The last known entry without a request. If there is a later one, the commit fails with a conflict.
    pub last_seq: u64,
}

/// What an entry tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EntryBody {
    /// A request.
    Request(Event),
    /// A lock.
    Lock(LockEvent),
    /// A name in the targets.
    Name(NameEvent),
    /// Access that no request explains.
    Unexplained(UnexplainedEvent),
    /// An attempt that was refused.
    Attempt(AttemptEvent),
    /// A group that can approve.
    Group(GroupEvent),
}

/// Time with three digits of the second, always: the same moment is the same text.
pub(super) fn time_text(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
