//! What the server says over a socket: `hello`, envelopes, `disconnect`.
//!
//! The shapes are those that Slack's own SDKs record in their tests.

use serde_json::{Value, json};

use crate::delivery::{DeliveryKind, Outgoing};

/// Why Slack ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// It will end in about ten seconds.
    Warning,
    /// It ends now, for a new one to take its place.
    RefreshRequested,
    /// Socket Mode was switched off.
    LinkDisabled,
    /// The app has ten others.
    TooManyWebsockets,
}

impl DisconnectReason {
    /// As it is written in the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::RefreshRequested => "refresh_requested",
            Self::LinkDisabled => "link_disabled",
            Self::TooManyWebsockets => "too_many_websockets",
        }
    }
}

/// Which of Slack's machines it pretends to be.
const HOST: &str = "applink-local";

/// The first message of a connection.
pub(crate) fn hello(app_id: &str, connections: usize, lifetime_secs: i64) -> Value {
    json!({
        "type": "hello",
        "num_connections": connections,
        "debug_info": {
            "host": HOST,
            "build_number": 1,
            "approximate_connection_time": lifetime_secs,
        },
        "connection_info": {"app_id": app_id},
    })
}

/// The last message of a connection, or a warning of it.
pub(crate) fn disconnect(reason: DisconnectReason) -> Value {
    json!({
        "type": "disconnect",
        "reason": reason.as_str(),
        "debug_info": {"host": HOST},
    })
}

/// An envelope's id: 32 hex digits, written as a UUID.
pub(crate) fn id(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}

/// A delivery in its envelope.
pub(crate) fn wrap(envelope_id: &str, kind: DeliveryKind, outgoing: &Outgoing) -> Value {
    let mut envelope = json!({
        "envelope_id": envelope_id,
        "payload": outgoing.payload,
        "type": match kind {
            DeliveryKind::Commands => "slash_commands",
            DeliveryKind::Interactions | DeliveryKind::Options => "interactive",
            DeliveryKind::Events => "events_api",
        },
        "accepts_response_payload": accepts_payload(kind, &outgoing.payload),
    });
    if kind == DeliveryKind::Events {
        let retry = outgoing.retry.as_ref();
        envelope["retry_attempt"] = json!(retry.map_or(0, |retry| retry.number));
        envelope["retry_reason"] = json!(retry.map_or("", |retry| retry.reason.as_str()));
    }
    envelope
}

/// Whether the acknowledgement may bring an answer: those payloads that have one over HTTP.
pub(crate) fn accepts_payload(kind: DeliveryKind, payload: &Value) -> bool {
    match kind {
        DeliveryKind::Commands | DeliveryKind::Options => true,
        DeliveryKind::Interactions => payload["type"] == "view_submission",
        DeliveryKind::Events => false,
    }
}
