//! What adversaries try: each of them has a login, a Slack account, a connection or a place of their own,
//! and no test lets them gain anything by it. `SECURITY.md` says what each of them can and cannot do.
//!
//! | adversary | file |
//! |---|---|
//! | a requester | `requester.rs`, `locks.rs` |
//! | an approver | `approver.rs`, `locked_approver.rs` |
//! | somebody with a login in a target | `target.rs` |
//! | somebody with `CONNECT` on the store's database | `store.rs` |
//! | an owner of a Slack user group | `usergroup_owner.rs` |
//! | a member of another company in a shared channel | `shared_channel.rs` |
//! | somebody who can write the store's tables | `tables.rs`, `compared.rs` |
//! | a slow or lying target | `lying_target.rs` |
//! | somebody who sees signed requests at a proxy | `proxy.rs` |

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approver;
mod attempts;
mod catalogues;
mod compared;
#[path = "../support/intent.rs"]
mod intent;
mod locked_approver;
mod locks;
mod lying_target;
#[path = "../../src/backend/postgres/contract/part.rs"]
mod part;
mod proxy;
mod replica;
mod requester;
#[allow(
    dead_code,
    reason = "not all that can be done to the tables is done here"
)]
#[path = "../tampering/scene.rs"]
mod scene;
mod shared_channel;
mod store;
#[path = "../store_contract/story.rs"]
#[allow(dead_code, reason = "each test program uses its own part of the story")]
mod story;
#[allow(dead_code, reason = "the contract's own part of it is not needed here")]
#[path = "../backend_contract/subject.rs"]
mod subject;
#[allow(
    dead_code,
    reason = "each test program uses its own part of the fixture"
)]
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod target;
mod usergroup_owner;

use support::{postgres as postgres_server, postgres as server, skip};
