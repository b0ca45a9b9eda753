//! A message as it stands, or stood when it was read: a value that can be kept and clicked later.

use serde_json::{Value, json};

use crate::blocks;

/// A message somewhere in the workspace, ephemeral ones included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// The channel it is in, `C…` or `D…`.
    pub channel: String,
    /// Its id within the channel, which is also its time.
    pub ts: String,
    /// The first message of the thread it belongs to.
    pub thread_ts: Option<String>,
    /// Whether it answers in a thread and shows in the channel too (`reply_broadcast`).
    pub is_broadcast: bool,
    /// Who wrote it.
    pub user: String,
    /// The bot that wrote it, if one did.
    pub bot_id: Option<String>,
    /// The top-level text: what notifications show and screen readers read.
    pub text: String,
    /// The blocks, an array, empty if there are none.
    pub blocks: Value,
    /// The metadata, `null` if there is none.
    pub metadata: Value,
    /// When it was last edited, as a `ts`.
    pub edited: Option<String>,
    /// The only person who sees it.
    pub ephemeral_to: Option<String>,
}

impl Message {
    /// The `action_id`s of everything in it that can be used.
    pub fn buttons(&self) -> Vec<String> {
        blocks::action_ids(&self.blocks)
    }

    /// The `value` of the first button with this `action_id`.
    pub fn value_of(&self, action_id: &str) -> Option<String> {
        let found = blocks::find(&self.blocks, action_id, None)?;
        Some(found.element.get("value")?.as_str()?.to_owned())
    }

    /// The top-level text and every text in the blocks, one a line.
    pub fn all_text(&self) -> String {
        let mut lines = vec![self.text.clone()];
        blocks::collect_text(&self.blocks, &mut lines);
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }

    /// Whether any text in it contains `needle`.
    pub fn says(&self, needle: &str) -> bool {
        self.all_text().contains(needle)
    }

    /// The message object that Slack puts in payloads and answers.
    pub(crate) fn to_json(&self, team_id: &str, app_id: &str) -> Value {
        let mut out = json!({
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": team_id,
        });
        if let Some(bot_id) = &self.bot_id {
            out["bot_id"] = json!(bot_id);
            out["app_id"] = json!(app_id);
        }
        if let Some(thread_ts) = &self.thread_ts {
            out["thread_ts"] = json!(thread_ts);
        }
        if self.is_broadcast {
            out["subtype"] = json!("thread_broadcast");
        }
        if self.blocks.as_array().is_some_and(|all| !all.is_empty()) {
            out["blocks"] = self.blocks.clone();
        }
        if !self.metadata.is_null() {
            out["metadata"] = self.metadata.clone();
        }
        if let Some(edited) = &self.edited {
            out["edited"] = json!({"user": self.user, "ts": edited});
        }
        out
    }
}
