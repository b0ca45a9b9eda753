//! Slack: payloads become commands to the broker, states become messages.
pub mod signature;
pub mod view;
