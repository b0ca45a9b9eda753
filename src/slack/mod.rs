//! Slack: payloads become commands to the broker, states become messages.
pub mod client;
mod people;
pub mod view;
