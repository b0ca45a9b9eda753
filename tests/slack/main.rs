//! Slack: what comes in from it and over which way, what people read in it, and what they do there
//! beyond the promises.

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    reason = "each test program uses its own part of the fixture"
)]
mod support;

mod http;
mod messages;
mod messages_page;
mod payloads;
mod signature;
mod socket;
mod stories;
mod views;
