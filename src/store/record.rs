//! What is written to the log.

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, AttemptEvent, Event, GroupEvent, LockEvent, NameEvent, Occurred, RequestId, RuleId,
    Time, UnexplainedEvent,
};

/// What is to be written to the log, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When.
    pub at: Time,
    /// Which request; nothing where it is about something else.
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

/// An entry that no decision rests on.
#[derive(Debug)]
pub struct Note {
    /// What the log will say. It names no request.
    pub record: Record,
    /// The last entry without a request that was known. The commit is a conflict if there is another by
    /// now.
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
