//! What is known of a request before it is made.

use crate::domain::{ChannelId, ReasonRule, Scope, ScopeId, Span};

/// What is known of a request that somebody wants to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// What for.
    pub scope: Wanted,
    /// For how long.
    pub duration: Option<Span>,
    /// Under which ticket.
    pub ticket: Option<String>,
    /// Why; may be empty.
    pub reason: String,
    /// The channels that the line mentions.
    pub channels: Vec<ChannelId>,
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
    /// Whether everything is there that `scope` requires.
    pub(in crate::slack) fn is_complete_for(&self, scope: &Scope) -> bool {
        let reason = scope.reason == ReasonRule::Optional || !self.reason.is_empty();
        let ticket = scope.ticket.as_ref();
        reason && (self.ticket.is_some() || ticket.is_none_or(|rule| !rule.required))
    }
}
