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

#[cfg(feature = "exec")]
pub mod exec;
mod kind;
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

pub use kind::BuildError;
pub use registry::BackendConfig;
pub use timeout::{InvalidTimeout, Timeout};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::domain::{
    BackendName, Email, Entitlement, Handle, LoginName, Params, Receipt, RequestId, RevocationMode,
    ScopeId, Span, Time, UserId, Username,
};
use crate::secret::SecretField;

/// One layer of one grant, as a target sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRequest {
    /// The grant.
    pub request: RequestId,
    /// How many entries the log has about the grant: an order for the same handle with a smaller
    /// number was decided earlier.
    pub generation: u64,
    /// What the grant is for.
    pub scope: ScopeId,
    /// Who receives it, in Slack.
    pub requester: UserId,
    /// Their verified address.
    pub email: Email,
    /// Their name in the target.
    pub username: Username,
    /// What the layer is called in the target, unique to the grant.
    pub handle: Handle,
    /// What the layer gives in the target, as it was when the grant was approved; nothing before.
    pub entitlement: Option<Entitlement>,
    /// What the target last gave to recognise the access by; nothing before it did.
    pub receipt: Option<Receipt>,
    /// When the access ends.
    pub expires_at: Time,
}

/// What a target says when it has granted access.
#[derive(Debug, Default)]
pub struct Granted {
    /// What the requester alone is shown, in place of what an earlier grant of the layer gave; what
    /// that gave stays if there is nothing.
    pub secrets: Vec<SecretField>,
    /// What it recognises the access by from now on; as before if there is nothing.
    pub receipt: Option<Receipt>,
    /// When the access ends by itself; nothing if it does not, or not at a known moment.
    pub ends_at: Option<Time>,
}

/// What a target shows when it is inspected before the first grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whether the access is there already.
    pub presence: Presence,
    /// What the target recognises the person and the access by, if it can say before it grants it.
    pub receipt: Option<Receipt>,
}

impl From<Presence> for Inspection {
    fn from(presence: Presence) -> Self {
        Self {
            presence,
            receipt: None,
        }
    }
}

/// What a target shows when it is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The access is there, or something of it is: a session that is still open counts.
    Present,
    /// Nothing of it is there.
    Absent,
}

/// Why a target did not do what it was asked. Messages go into the log and to the requester:
/// nothing secret in them.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// It may work later: no connection, a time-out, a server that is overloaded.
    #[error(transparent)]
    Retry(Failure),
    /// It will not work however often it is tried: no such role, no right to give it.
    #[error(transparent)]
    Fail(Failure),
    /// It has taken the order and is still at work: the access counts neither as there nor as gone.
    #[error("the target is still working on it")]
    Pending {
        /// How long to wait before its status is asked, if it says.
        retry_after: Option<Duration>,
    },
    /// It refused the order because it has received one with a greater [`LayerRequest::generation`].
    #[error("{0}")]
    Superseded(String),
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    /// How long the target wants to be left alone, if it says.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// A failure with what caused it, for diagnosis.
    pub fn because(
        message: String,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::from(message)
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            message,
            retry_after: None,
            source: None,
        }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

/// A layer's parameter is missing, unknown or of the wrong kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidParam {
    /// The parameter; nothing where one is missing.
    pub key: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// One target.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Binds the parameters of one layer, of the catalogue or of a stored grant.
    ///
    /// # Errors
    ///
    /// The first parameter that is wrong.
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam>;

    /// Does what can wait: nothing that ends access, and nothing that an end waits for. The worker
    /// calls it when it starts, then about once a minute.
    ///
    /// # Errors
    ///
    /// What the target said. It is tried again soon.
    async fn tend(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

/// One layer in its target, with its parameters bound.
#[async_trait]
pub trait BoundLayer: Send + Sync {
    /// How the access ends.
    fn revocation_mode(&self) -> RevocationMode;

    /// What the layer gives in this target, whoever requests it: two orders with the same
    /// entitlement depend on one piece of access, which is revoked with the last of them. Access
    /// that only a time limit ends is never shared.
    fn entitlement(&self, order: &LayerRequest) -> Entitlement;

    /// The login that receives the access: people decide on it. The requester's own name in the
    /// targets, where the target does not make one.
    fn login(&self, order: &LayerRequest) -> LoginName {
        LoginName::Named(order.username.to_string())
    }

    /// The login in the target whose sessions are all ended with this access, where that cannot be
    /// avoided. Other access of the same target with the same answer is interrupted, which is said
    /// before approval and before an early end. Nothing by default.
    fn interrupts(&self, _: &LayerRequest) -> Option<String> {
        None
    }

    /// How the requester reaches the target with a password of their own (label and text, nothing
    /// secret), if the layer comes with one. Keylend makes the password and hands it to
    /// [`grant`](Self::grant). Nothing by default.
    fn connection(&self, _: &LayerRequest) -> Option<Vec<(String, String)>> {
        None
    }

    /// How long an order may still take effect after Keylend gave up waiting for its answer, although
    /// a later order was carried out. Not at all by default: see the module's contract.
    fn late_effects(&self) -> Span {
        Span::default()
    }

    /// Inspects whether the access is there before Keylend grants it for the first time, and refuses
    /// what will never be granted. What is refused here is not revoked later: nothing was done.
    ///
    /// # Errors
    ///
    /// What the target said, and whether trying again makes sense.
    async fn inspect(&self, order: &LayerRequest) -> Result<Inspection, BackendError> {
        self.status(order).await.map(Inspection::from)
    }

    /// Grants the access, or sets its end again if it is there. Called again with the same order and
    /// password after a crash or a lost answer, and then answers with the secrets again, or with new
    /// ones in their place. A target that needs longer answers [`BackendError::Pending`] here or to
    /// [`status`](Self::status), and its status is asked until it is done.
    ///
    /// # Errors
    ///
    /// What the target said, and whether trying again makes sense.
    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError>;

    /// Revokes the access and ends what is open under it. Succeeds when there is nothing. A target
    /// that needs longer answers as for [`grant`](Self::grant). Not called where only a time limit
    /// ends the access.
    ///
    /// # Errors
    ///
    /// What the target said. Whatever it was, it is tried again.
    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError>;

    /// Looks whether the access is there, in the target itself.
    ///
    /// # Errors
    ///
    /// What the target said. Whatever it was, it is tried again.
    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError>;
}

/// The targets by name.
pub type Backends = BTreeMap<BackendName, Arc<dyn Backend>>;
