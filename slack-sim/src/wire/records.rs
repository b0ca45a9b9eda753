//! What went over the wire between the app and the simulator, tokens and secrets left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::delivery::DeliveryKind;

/// A Web API call that the app made, or a post to a response URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallMade {
    /// Such as `chat.postMessage`, or `response_url`.
    pub method: String,
    /// The arguments without the token; JSON-encoded ones decoded.
    pub args: Value,
    /// When.
    pub at: f64,
    /// Whether it was carried out.
    pub ok: bool,
    /// The error's name, if it was refused or met a fault.
    pub error: Option<String>,
}

/// Something that was sent to the app, and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryMade {
    /// What it is about; none for a raw body.
    pub kind: Option<DeliveryKind>,
    /// The path it went to; empty over a socket.
    pub path: String,
    /// The envelope it came in; none over HTTP.
    pub envelope_id: Option<String>,
    /// The payload without the verification token.
    pub payload: Value,
    /// Which retry of an event it is, 0 for the first attempt.
    pub retry: u32,
    /// When.
    pub at: f64,
    /// The HTTP status; 0 if no answer came in time.
    pub status: u16,
    /// The answer's body, or the acknowledgement's payload.
    pub body: String,
    /// Whether the app took longer than Slack's three seconds.
    pub timed_out: bool,
    /// Why no answer came, or what was wrong with it.
    pub error: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) calls: Vec<CallMade>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deliveries {
    pub(crate) deliveries: Vec<DeliveryMade>,
}
