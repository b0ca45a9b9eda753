//! Refusals in Slack's words.

use serde_json::{Value, json};

/// What a method answers: the fields beside `ok`, or Slack's name for the refusal.
pub(super) type Answer = Result<Value, ApiError>;

/// A refusal: Slack's name for it, and what it says beside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {messages:?}")]
pub(crate) struct ApiError {
    pub(crate) name: &'static str,
    /// What is wrong, each with a JSON pointer.
    pub(crate) messages: Vec<String>,
    /// The scopes that were needed and those that were there.
    scopes: Option<(String, String)>,
}

impl ApiError {
    pub(crate) fn named(name: &'static str) -> Self {
        Self::with(name, Vec::new())
    }

    pub(crate) fn with(name: &'static str, messages: Vec<String>) -> Self {
        Self {
            name,
            messages,
            scopes: None,
        }
    }

    pub(super) fn scope(needed: String, provided: Option<String>) -> Self {
        Self {
            scopes: Some((needed, provided.unwrap_or_default())),
            ..Self::named("missing_scope")
        }
    }

    /// An argument that has to be there.
    pub(super) fn missing(field: &str) -> Self {
        Self::with(
            "invalid_arguments",
            vec![format!("missing required field: {field}")],
        )
    }

    /// The whole answer.
    pub(crate) fn to_json(&self) -> Value {
        let mut out = json!({"ok": false, "error": self.name});
        if !self.messages.is_empty() {
            let marked = self
                .messages
                .iter()
                .map(|message| format!("[ERROR] {message}"));
            let marked: Vec<String> = marked.collect();
            out["response_metadata"] = json!({"messages": marked});
        }
        if self.name == "invalid_blocks" {
            out["errors"] = json!(self.messages);
        }
        if let Some((needed, provided)) = &self.scopes {
            out["needed"] = json!(needed);
            out["provided"] = json!(provided);
        }
        out
    }
}
