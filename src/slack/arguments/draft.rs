//! What is known of a request before it is made.

use super::{length::HowLong, moment::Moment};
use crate::domain::{ChannelId, ReasonRule, Scope, ScopeId, UserId};

/// What is known of a request that somebody wants to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// What for.
    pub scope: Wanted,
    /// For how long.
    pub duration: Option<HowLong>,
    /// When access is to start; nothing if that is at its approval.
    pub start: Option<Moment>,
    /// Under which ticket.
    pub ticket: Option<String>,
    /// Why; may be empty.
    pub reason: String,
    /// The channels that the line mentions.
    pub channels: Vec<ChannelId>,
    /// What may be meant in more ways than one, and has to be asked.
    pub unclear: Vec<Unclear>,
}

/// What was typed and may be meant in more ways than one, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// It stands where a duration does. It is no part of the reason.
    Duration(String),
    /// It may be a duration, or a part of the reason, which has it.
    InReason(String),
    /// Access seems to be meant to start later, and when is not clear. The reason has it.
    Start(String),
    /// The access is to be somebody's: their id, if Slack gave it. The reason has it.
    Recipient(Option<UserId>, String),
}

/// What a request is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// They did not say.
    #[default]
    Nothing,
    /// This.
    Scope(ScopeId),
    /// Something that is no scope.
    Unknown {
        /// What they wrote.
        written: String,
        /// What it may have meant, best first.
        like: Vec<ScopeId>,
    },
}

impl Draft {
    /// Whether everything is there that `scope` requires, and everything is clear.
    pub(in crate::slack) fn is_complete_for(&self, scope: &Scope) -> bool {
        let reason = scope.reason == ReasonRule::Optional || !self.reason.is_empty();
        let ticket = scope.ticket.as_ref();
        self.unclear.is_empty()
            && reason
            && (self.ticket.is_some() || ticket.is_none_or(|rule| !rule.required))
    }
}
