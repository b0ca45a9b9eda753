//! Slack: payloads become commands to the broker, states become messages.
//!
//! Inbound, a transport of [`ingress`] lets in what Slack signed, [`inbound`] reads it, [`caller`]
//! says whose it is, and `receive` finds out what is wanted. [`commands`] do what people type and
//! `actions` what their buttons and forms stand for, both through the broker. Outbound,
//! [`messages`] keeps what Slack shows in step with the store. Everything that people read is
//! written in [`view`], except what a command says of itself. Nothing here changes state, and
//! nothing waits for a target.

mod actions;
pub mod arguments;
pub mod caller;
pub mod client;
pub mod commands;
pub mod inbound;
pub mod ingress;
mod interaction;
pub mod messages;
mod people;
mod receive;
mod rich_text;
pub mod signature;
pub mod view;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{broker::Broker, clock::Clock};
use actions::incident::Incidents;
use caller::InstallationScope;
use client::Client;
use messages::homes::Homes;

/// How many commands, clicks, forms and searches are worked on at once; one more is told to come back.
const AT_ONCE: usize = 256;

/// What people's actions in Slack need.
pub struct Parts {
    /// The only place that changes state.
    pub broker: Arc<Broker>,
    /// The way to Slack.
    pub client: Client,
    /// What App Homes show.
    pub homes: Arc<Homes>,
    /// Which workspace and app this is.
    pub installation: InstallationScope,
    /// The names of incident channels, such as `inc-*`.
    pub incident_channels: Vec<glob::Pattern>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where work goes on after Slack was answered; whoever stops the service waits for it.
    pub tasks: TaskTracker,
}

/// People's actions in Slack.
pub struct Slack {
    broker: Arc<Broker>,
    client: Client,
    homes: Arc<Homes>,
    installation: InstallationScope,
    incidents: Incidents,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    room: Arc<Semaphore>,
}

impl Slack {
    /// Actions over `parts`. Give it to a transport, such as
    /// [`ingress::http::router`].
    pub fn new(parts: Parts) -> Self {
        Self {
            incidents: Incidents::new(parts.incident_channels, parts.clock.clone()),
            broker: parts.broker,
            client: parts.client,
            homes: parts.homes,
            installation: parts.installation,
            clock: parts.clock,
            tasks: parts.tasks,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}
