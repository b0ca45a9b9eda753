//! Slack: payloads become commands to the broker, states become messages.
pub mod client;
pub mod messages;
mod people;
pub mod view;
