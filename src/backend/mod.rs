//! Targets: where access is made and taken back.
//!
//! # Adding a kind of target
//!
//! 1. Make the folder `src/backend/KIND/`. Its `mod.rs` has a type that implements [`Backend`], one that
//!    implements [`BoundLayer`], and a public `Config` that serde reads from `[backends.NAME.KIND]`:
//!    `deny_unknown_fields`, secrets as [`Secret`](crate::secret::Secret) references, time limits as
//!    [`Timeout`], every other value as a type that refuses what could never work. Implement
//!    `BackendKind` for it. Read a layer's parameters with `params::parse` into a type that denies
//!    unknown fields.
//! 2. Add its line to `kinds_of_target!` in `registry.rs`.
//! 3. Add its Cargo feature of the same name, with the dependencies that only it needs, to
//!    `Cargo.toml`.
//! 4. Run the contract of `tests/backend_contract.rs` against a real server of that kind: write a
//!    `Subject` that starts one, and add one `contract!` line.
//!
//! Every method is idempotent, and every wait inside one has a time limit: the worker calls again
//! after a crash, after a lost answer, and whenever it is not sure. What the target does not say
//! is an error, never [`Presence::Absent`]. So is what it is still working on.
//!
//! The worker takes a claim in the store for each entitlement, so that across all replicas one call
//! at a time is under way for it. A call that was given up may still be at work in the target: what
//! it does must not take effect after the next call has answered. Never use a lock in the target
//! for this that its users could take too.

mod answer;
mod contract;
mod error;
#[cfg(feature = "exec")]
pub mod exec;
mod kind;
mod layer_request;
#[cfg(any(feature = "postgres", test))]
mod params;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "exec", feature = "webhook"))]
mod protocol;
mod registry;
#[cfg_attr(
    not(any(feature = "exec", feature = "postgres", feature = "webhook")),
    expect(dead_code, reason = "only kinds of targets have time limits")
)]
mod timeout;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use answer::{Diagnosis, Granted, Holder, Inspection, Presence};
pub use contract::{Backend, BoundLayer};
pub use error::{BackendError, Failure};
pub use kind::{BuildError, InvalidParam};
pub use layer_request::LayerRequest;
pub use registry::BackendConfig;
pub use timeout::{InvalidTimeout, Timeout};

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::BackendName;

/// The targets by name.
pub type Backends = BTreeMap<BackendName, Arc<dyn Backend>>;
