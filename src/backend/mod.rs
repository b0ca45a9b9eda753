//! Targets: where access is made and taken back.
//!
//! # Adding a kind of target
//!
//! The recipe in `CONTRIBUTING.md` lists all files that have to change, also those of the documentation, of
//! the deployment and of the tests. This is what the code needs:
//!
//! 1. `mod.rs` has a type that implements [`Backend`], one that implements [`BoundLayer`], and a public
//!    `Config` that serde reads from `[backends.NAME.KIND]`: `deny_unknown_fields`, secrets as
//!    [`Secret`](crate::secret::Secret) references, time limits as [`Timeout`], every other value as a type
//!    that refuses what could never work. Implement `BackendKind` for it. Read a layer's parameters with
//!    `params::parse` into a type that denies unknown fields. A kind that speaks the protocol of
//!    `docs/protocol.md` over another transport implements only `BackendKind` and `protocol::Transport`.
//! 2. Register it: one line in `kinds_of_target!` in `registry.rs`, and one `mod` line below.
//! 3. Add its Cargo feature of the same name, with the dependencies that only it needs, to
//!    `Cargo.toml`.
//! 4. `contract.rs`, or `contract/mod.rs`, runs the contract against a real server of that kind: a
//!    `Subject` that starts one, `contract!` and `questions!`, and tests of what the kind does besides. It
//!    is part of the test program `backend_contract`, and `crate` there is that program. A macro includes
//!    it, so format it with `rustfmt`; cargo-fmt does not find it.
//! 5. `docs/targets/KIND.md` says what the kind grants, how access ends, how to set up the target and Keylend,
//!    and what the kind cannot do. The tests write its table of keys, and its rows into `docs/targets.md`.
//! 6. `example.toml` shows and explains every key. Copy it into `deploy/keylend.example.toml`.
//!
//! Every method is idempotent, and every wait inside one has a time limit: the caller, which is
//! [`provisioning`](crate::provisioning), calls again after a crash, after a lost answer, and whenever it
//! is not sure. What the target does not say is an error, never [`Presence::Absent`]. So is what it is
//! still working on.
//!
//! It takes a claim in the store for each entitlement, so that across all replicas one call at a time is
//! under way for it. A call that was given up may still be at work in the target: what it does must not
//! take effect after the next call has answered. Never use a lock in the target for this that its users
//! could take too.

#![cfg_attr(
    not(all(feature = "exec", feature = "postgres", feature = "webhook")),
    allow(
        dead_code,
        unused_imports,
        reason = "kinds of targets share what a build without them does not use"
    )
)]

mod answer;
mod contract;
mod error;
#[cfg(feature = "exec")]
pub mod exec;
mod kind;
mod layer_request;
mod params;
#[cfg(feature = "postgres")]
pub mod postgres;
mod protocol;
mod registry;
mod timeout;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use answer::{Diagnosis, Granted, Holder, Inspection, Managed, Marker, Presence};
pub use contract::{Backend, BoundLayer};
pub use error::{BackendError, BuildError, Failure, InvalidParam};
pub use layer_request::LayerRequest;
pub use registry::BackendConfig;
pub use timeout::{InvalidTimeout, Timeout};

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::BackendName;

/// The targets by name.
pub type Backends = BTreeMap<BackendName, Arc<dyn Backend>>;
