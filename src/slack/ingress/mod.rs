//! How Slack reaches us. A transport proves that a payload is Slack's, reads it, and hands it on;
//! it decides nothing and knows nothing of requests.

pub mod http;
pub mod socket;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::inbound::{Event, InteractionPayload, SlashCommand};
use crate::domain::DeliveryKey;

/// Something that Slack delivered: authentic, read, and not yet answered.
#[derive(Debug)]
pub enum Delivery {
    /// Somebody typed a slash command.
    Command(Box<SlashCommand>),
    /// Somebody clicked, submitted or searched.
    Interaction(Box<InteractionPayload>),
    /// Something happened in the workspace.
    Event(Event),
}

/// What Slack hears within its three seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was received.
    Received,
    /// It was received, and this is to be shown.
    Show(Value),
    /// Nothing was done, and Slack is to tell so: it marks the button that was clicked.
    Busy,
}

/// Whether Slack reaches us, or why not.
pub type Reach = Result<(), &'static str>;

/// Who takes deliveries. Transports share it, so that a payload means the same however it came.
#[async_trait]
pub trait Receive: Send + Sync + 'static {
    /// Takes a delivery, which is known by `key` if it comes again. Answers within Slack's three seconds;
    /// work that takes longer goes on after the answer.
    async fn receive(self: Arc<Self>, delivery: Delivery, key: DeliveryKey) -> Answer;
}
