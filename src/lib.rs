//! Keylend lends a key for a job and takes it back when the clock runs out.
//!
//! # The life of one request
//!
//! Alice types `/jit request db-prod:write 30m INC-4211 writes are failing`.
//!
//! [`slack`] checks who signed the payload and whose workspace it came from, answers Slack at
//! once, and reads the line. It hands an [`Ask`](broker::Ask) to the [`broker`], the only place
//! that changes state. The broker asks the [`directory`] who Alice is, on facts no older than a
//! minute, and the [`policy`] whether she may ask. Then it commits [`Event::Requested`] to the
//! [`store`]: the entry of the chained log, the request's snapshot and the messages that are to
//! show it, in one transaction.
//!
//! The commit wakes the messenger of [`slack`], which posts the approval card. Bob taps Approve.
//! The broker gathers fresh facts about both of them, asks the policy again, and lets the
//! [`domain`] [decide](domain::decide()): the rules that no policy may bend are there, pure, in one
//! total match. [`Event::Approved`] fixes the end and what will be made, and is committed together
//! with the count of what Alice holds.
//!
//! Now something is [due](domain::Request::due), and the [`worker`] has it done by
//! [`provisioning`], which looks at the target, commits whether the access is Keylend's to give, makes
//! it through a [`backend`], reads it back, and commits [`Event::Activated`]. Only now does Alice's
//! message say that she has it, and only now does a check through the [`api`] say yes, from the
//! [`grants`] in memory that follow the log.
//!
//! At the end the check says no, because the clock says so. The worker commits
//! [`Event::RevocationStarted`] and has the access taken back: the target is read, and only when it is
//! not there is [`Event::Ended`] committed. If the target fails it is asked again for ever, and the first failure
//! raises one of the [`alerts`]. A crash at any point changes nothing: what is due follows from the
//! state, so the next start does what the last one did not.
//!
//! A person is a [`Human`](domain::Human), the set of their ids and addresses, wherever two people
//! are told apart. [`leavers`] ends what is held by people who have left, and
//! [`ticket_poll`] what was granted under [`tickets`] that were closed. [`reconcile`] finds access in
//! the targets that Keylend granted and that no request in the log explains.
//!
//! The [`signer`] signs the head of the log as a [`checkpoint`] and posts it outside.
//! [`audit`] reads the log and compares the tables with it; [`config`] turns a file into checked
//! values; [`serve`] wires all of this together.
//!
//! [`Event::Requested`]: domain::Event::Requested
//! [`Event::Approved`]: domain::Event::Approved
//! [`Event::Activated`]: domain::Event::Activated
//! [`Event::RevocationStarted`]: domain::Event::RevocationStarted
//! [`Event::Ended`]: domain::Event::Ended

#![warn(unreachable_pub, clippy::unwrap_used)]
#![expect(
    clippy::duplicate_mod,
    reason = "the SQL of the store is compiled once for each database"
)]

pub mod alerts;
pub mod api;
pub mod audit;
pub mod backend;
pub mod broker;
pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod domain;
pub mod grants;
mod http_client;
pub mod leavers;
pub mod metrics;
pub mod policy;
pub mod presentation;
pub mod provisioning;
pub mod reconcile;
pub mod routes;
pub mod sanitize;
pub mod secret;
pub mod serve;
pub mod signer;
pub mod slack;
pub mod source_map;
pub mod store;
pub mod ticket_poll;
pub mod tickets;
pub mod transport;
pub mod vault;
pub mod worker;
