//! What Slack is told, by a real store and a simulated Slack: once, in order, and again until it
//! is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
mod backlogs;
mod cards;
mod channels;
mod client;
mod digest;
mod feeds;
mod fixture;
mod follower;
mod notifications;
mod people;
#[path = "../../store_contract/story.rs"]
#[expect(dead_code, reason = "the store's contract uses the rest")]
mod story;
mod threads;
