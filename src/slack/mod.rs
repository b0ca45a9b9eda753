//! Slack: payloads become commands to the broker, states become messages.
pub mod actions;
pub mod caller;
pub mod client;
pub mod inbound;
pub mod ingress;
pub mod messages;
mod people;
pub mod signature;
pub mod view;
