//! The Web API: one function a method, all of them pure changes of the state.
//!
//! To add a method, write a function `(&mut State, &Args, now) -> Answer` in the file of its family
//! and name it in [`call`]. Faults, tokens and recording are done before and after, in the server.

mod apps;
mod args;
mod auth;
mod chat;
mod conversations;
mod usergroups;
mod users;
mod views;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub(crate) use args::Args;

use crate::state::{Draft, State};

/// What a method answers: the fields beside `ok`, or Slack's name for the refusal.
pub(crate) type Answer = Result<Value, ApiError>;

/// A refusal in Slack's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {messages:?}")]
pub(crate) struct ApiError {
    pub(crate) name: &'static str,
    pub(crate) messages: Vec<String>,
}

impl ApiError {
    pub(crate) fn named(name: &'static str) -> Self {
        Self {
            name,
            messages: Vec::new(),
        }
    }

    pub(crate) fn with(name: &'static str, messages: Vec<String>) -> Self {
        Self { name, messages }
    }

    fn missing(field: &str) -> Self {
        Self::with(
            "invalid_arguments",
            vec![format!("[ERROR] missing required field: {field}")],
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut out = json!({"ok": false, "error": self.name});
        if !self.messages.is_empty() {
            out["response_metadata"] = json!({"messages": self.messages});
        }
        if self.name == "invalid_blocks" {
            out["errors"] = json!(self.messages);
        }
        out
    }
}

/// A new message's text, blocks and metadata within their limits.
pub(crate) fn content(args: &Args) -> Result<Draft, ApiError> {
    chat::content(args, chat::MOST_POSTED)
}

pub(crate) use users::object as user_object;
pub(crate) use views::{MOST_STACKED, check as check_view, replace as replace_view};

/// Methods that answer without a token.
pub(crate) fn is_open(method: &str) -> bool {
    method == "api.test"
}

/// Whether there is such a method.
pub(crate) fn exists(method: &str) -> bool {
    METHODS.contains(&method)
}

const METHODS: [&str; 20] = [
    "api.test",
    "apps.connections.open",
    "auth.test",
    "bots.info",
    "chat.getPermalink",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.update",
    "conversations.info",
    "conversations.members",
    "conversations.open",
    "usergroups.list",
    "usergroups.users.list",
    "users.info",
    "users.list",
    "users.lookupByEmail",
    "views.open",
    "views.publish",
    "views.push",
    "views.update",
];

/// When everything in the workspace was made, seconds since the epoch.
const CREATED: i64 = 1_700_000_000;

/// Carries out one call.
pub(crate) fn call(state: &mut State, method: &str, args: &Args, now: DateTime<Utc>) -> Answer {
    match method {
        "api.test" => auth::api_test(args),
        "apps.connections.open" => apps::connections_open(state, now),
        "auth.test" => auth::auth_test(state),
        "bots.info" => auth::bots_info(state, args),
        "chat.getPermalink" => chat::get_permalink(state, args),
        "chat.postEphemeral" => chat::post_ephemeral(state, args, now),
        "chat.postMessage" => chat::post_message(state, args, now),
        "chat.update" => chat::update(state, args, now),
        "conversations.info" => conversations::info(state, args),
        "conversations.members" => conversations::members(state, args),
        "conversations.open" => conversations::open(state, args),
        "usergroups.list" => usergroups::list(state, args),
        "usergroups.users.list" => usergroups::users_list(state, args),
        "users.info" => users::info(state, args),
        "users.list" => users::list(state),
        "users.lookupByEmail" => users::lookup_by_email(state, args),
        "views.open" => views::open(state, args, now),
        "views.publish" => views::publish(state, args, now),
        "views.push" => views::push(state, args, now),
        "views.update" => views::update(state, args, now),
        _ => Err(ApiError::named("unknown_method")),
    }
}
