//! What goes to the app, before and after: the same for both transports.
//!
//! A delivery is described here without saying how it travels; `deliver` picks HTTP or a socket,
//! and what came back is the same [`Delivery`], so that whoever acts need not know either.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::post::{Post, Signing};

/// What a delivery is about, which decides where it goes over HTTP and its envelope over a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryKind {
    /// Slash commands.
    Commands,
    /// Clicks, submissions, closed views and shortcuts.
    Interactions,
    /// Suggestions for `external_select`.
    Options,
    /// Events.
    Events,
}

/// One delivery to the app and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What it is about; none for a raw body.
    pub kind: Option<DeliveryKind>,
    /// The path it went to; empty over a socket.
    pub path: String,
    /// The envelope it came in; none over HTTP.
    pub envelope_id: Option<String>,
    /// The body as sent; over a socket the envelope.
    pub sent: String,
    /// The payload as JSON: an interaction's or event's payload, a command's fields; `null` for
    /// raw bodies.
    pub payload: Value,
    /// Which retry of an event this is, 0 for the first attempt.
    pub retry: u32,
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// The HTTP status, 200 for an acknowledgement over a socket; 0 if no answer came in time.
    pub status: u16,
    /// The answer's `Content-Type`, empty if it had none.
    pub content_type: String,
    /// The answer's body, or the acknowledgement's payload.
    pub body: String,
    /// Whether the app took longer than Slack's three seconds, in real time.
    pub timed_out: bool,
    /// Why no answer came, or what was wrong with it.
    pub error: Option<String>,
    pub(crate) sent_content_type: String,
}

impl Delivery {
    /// The body as JSON; `null` if it is not.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Whether the app answered 200 in time.
    pub fn is_ok(&self) -> bool {
        self.status == 200 && !self.timed_out
    }

    /// What Slack tells the person that went wrong, in the words it uses after a slash command;
    /// nothing if the app answered 200 in time.
    pub fn failure(&self) -> Option<&'static str> {
        match self.status {
            _ if self.timed_out => Some("operation_timeout"),
            200 => None,
            0 => Some("dispatch_failed"),
            400..500 => Some("http_client_error"),
            500.. => Some("http_service_error"),
            _ => Some("dispatch_unknown_error"),
        }
    }

    /// Whether the answer says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.content_type.starts_with("application/json")
    }

    /// A delivery that has no answer yet.
    pub(crate) fn before(outgoing: &Outgoing, at: DateTime<Utc>) -> Self {
        Self {
            kind: outgoing.kind,
            path: String::new(),
            envelope_id: None,
            sent: outgoing.post.body.clone(),
            payload: outgoing.payload.clone(),
            retry: outgoing.retry.as_ref().map_or(0, |retry| retry.number),
            at,
            status: 0,
            content_type: String::new(),
            body: String::new(),
            timed_out: false,
            error: None,
            sent_content_type: outgoing.post.content_type.clone(),
        }
    }
}

/// A delivery before it is made.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) kind: Option<DeliveryKind>,
    pub(crate) payload: Value,
    pub(crate) retry: Option<Retry>,
    /// How it looks over HTTP.
    pub(crate) post: Post,
}

/// An event that is to be sent again.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) due: DateTime<Utc>,
    pub(crate) outgoing: Outgoing,
}

/// Says of an event that it was sent before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Retry {
    /// 1 for the first retry.
    pub(crate) number: u32,
    /// Why the attempt before it counts as failed.
    pub(crate) reason: String,
}

impl Outgoing {
    /// A slash command, with these fields in this order.
    pub(crate) fn command(fields: &[(&str, String)]) -> Self {
        let payload = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::String(value.clone())))
            .collect();
        Self::new(DeliveryKind::Commands, payload, Post::form(fields))
    }

    /// A click, a submission, a closed view.
    pub(crate) fn interaction(payload: Value) -> Self {
        let form = Post::form(&[("payload", payload.to_string())]);
        Self::new(DeliveryKind::Interactions, payload, form)
    }

    /// A search in an `external_select`.
    pub(crate) fn suggestion(payload: Value) -> Self {
        let form = Post::form(&[("payload", payload.to_string())]);
        Self::new(DeliveryKind::Options, payload, form)
    }

    /// An event in its callback, or what else comes to the events URL.
    pub(crate) fn event(payload: Value) -> Self {
        let json = Post::json(&payload);
        Self::new(DeliveryKind::Events, payload, json)
    }

    /// A body of the caller's to a path of theirs: over HTTP only.
    pub(crate) fn raw(path: &str, body: String, signing: Signing) -> Self {
        Self {
            kind: None,
            payload: Value::Null,
            retry: None,
            post: Post {
                path: Some(path.to_owned()),
                body,
                signing,
                ..Post::form(&[])
            },
        }
    }

    /// What was delivered before, once more.
    pub(crate) fn again(delivery: &Delivery) -> Self {
        let over_http = delivery.envelope_id.is_none();
        let post = match delivery.kind {
            _ if over_http => Post {
                path: Some(delivery.path.clone()),
                content_type: delivery.sent_content_type.clone(),
                body: delivery.sent.clone(),
                headers: Vec::new(),
                signing: Signing::Valid,
            },
            // Which was sent in an envelope: the app may have been moved to HTTP since.
            Some(DeliveryKind::Events) => Post::json(&delivery.payload),
            _ => Post::form(&[("payload", delivery.payload.to_string())]),
        };
        Self {
            kind: delivery.kind,
            payload: delivery.payload.clone(),
            retry: None,
            post,
        }
    }

    fn new(kind: DeliveryKind, payload: Value, post: Post) -> Self {
        Self {
            kind: Some(kind),
            payload,
            retry: None,
            post,
        }
    }
}
