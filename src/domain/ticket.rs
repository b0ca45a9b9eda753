//! What a ticket tracker says of the ticket of a request.

use serde::{Deserialize, Serialize};

use super::Time;

/// That the ticket was open when the access was approved, and where that was read. The ticket's key is in the
/// terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketRead {
    /// The tracker: its kind and host, such as `jira example.atlassian.net`.
    pub source: String,
    /// The tracker's own number of the ticket, which stays when its key changes; nothing if it gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When the tracker was asked, or an earlier time that it named.
    pub read_at: Time,
}

/// Why nothing is requested or approved under a ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketProblem {
    /// The request names no ticket.
    #[error("there is no ticket")]
    Missing,
    /// It can't be a key of the tracker, so the tracker is not asked.
    #[error("the ticket is not a key of the tracker")]
    Malformed,
    /// The tracker has no such ticket.
    #[error("the tracker has no such ticket")]
    Unknown,
    /// It is closed.
    #[error("the ticket is closed")]
    Closed,
    /// It is not assigned to the requester's verified address.
    #[error("the ticket is not assigned to the requester")]
    NotAssigned,
    /// What the tracker answered is more than 60 seconds old.
    #[error("the tracker's answer is too old")]
    Stale,
    /// The tracker gave no usable answer.
    #[error("{0}")]
    Unavailable(String),
}
