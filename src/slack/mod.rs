//! Slack: payloads become commands to the broker, states become messages.
pub mod caller;
pub mod inbound;
pub mod ingress;
pub mod signature;
pub mod view;
