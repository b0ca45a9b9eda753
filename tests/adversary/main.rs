//! What unprivileged users try: each of them has a login, a Slack account or a connection of their
//! own, and no test lets them gain anything by it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compared;
#[path = "../support/intent.rs"]
mod intent;
mod locks;
#[path = "../../src/backend/postgres/contract/part.rs"]
mod part;
#[path = "../support/postgres.rs"]
mod postgres_server;
mod replica;
#[path = "../support/skip.rs"]
mod skip;
mod store;
#[path = "../store_contract/story.rs"]
#[allow(dead_code, reason = "each test program uses its own part of the story")]
mod story;
#[allow(dead_code, reason = "the contract's own part of it is not needed here")]
#[path = "../backend_contract/subject.rs"]
mod subject;
mod target;

use postgres_server as server;
