//! What one person sees.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one person sees.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sees {
    pub(crate) version: u64,
    pub(crate) now: f64,
    pub(crate) dm: String,
    pub(crate) messages: Vec<SeenMessage>,
    pub(crate) modals: Vec<Value>,
    pub(crate) home: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SeenMessage {
    pub(crate) channel: String,
    pub(crate) ts: String,
    pub(crate) thread_ts: Option<String>,
    pub(crate) is_broadcast: bool,
    pub(crate) user: String,
    pub(crate) bot_id: Option<String>,
    pub(crate) from: Author,
    pub(crate) text: String,
    pub(crate) blocks: Value,
    pub(crate) edited: Option<String>,
    pub(crate) ephemeral: bool,
}

/// What kind of author a message has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Author {
    App,
    Person,
    Slackbot,
}
