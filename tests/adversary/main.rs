//! What unprivileged users try: each of them has a login, a Slack account or a connection of their
//! own, and no test lets them gain anything by it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod locks;
#[path = "../support/postgres.rs"]
mod server;
mod store;
#[path = "../store_contract/story.rs"]
#[allow(dead_code, reason = "each test program uses its own part of the story")]
mod story;
