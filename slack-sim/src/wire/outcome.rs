//! What comes of what people do, refusals included.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What came of something that the app was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether the app took it in time, or did not have to be told.
    pub ok: bool,
    /// The app's HTTP status; 0 if no answer came.
    pub status: u16,
    /// What Slack calls the trouble, such as `operation_timeout`.
    pub error: Option<String>,
}

/// What came of pressing submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// What became of the view.
    pub outcome: Fate,
    /// What is wrong with the inputs, by `block_id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// What Slack says under a form whose submission came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of a view that was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It closed.
    Closed,
    /// It stays and shows complaints.
    Errors,
    /// Another took its place.
    Updated,
    /// Another lies on it.
    Pushed,
    /// All views closed.
    Cleared,
    /// It stays: the app's answer was not one that Slack takes.
    Invalid,
    /// It stays: the app failed, or answered too late.
    Failed,
}

/// A message that was written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) ts: String,
}

/// A refusal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    pub(crate) message: String,
}
