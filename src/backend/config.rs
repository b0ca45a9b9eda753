//! The kinds of target, as the configuration names them.

use std::sync::Arc;

use serde::Deserialize;

use super::{Backend, InvalidParam, exec, postgres, webhook};
use crate::{
    clock::Clock,
    domain::{Params, RevocationMode, Span},
    secret::{MissingSecret, Secret},
};

/// What stands under `[backends.NAME]`: one table, named for the kind of target. A value that
/// could never work is refused while it is read, so that the error points at its line.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendConfig {
    /// A PostgreSQL server.
    Postgres(postgres::Config),
    /// A service that is told over HTTPS.
    Webhook(webhook::Config),
    /// A program on this machine.
    Exec(exec::Config),
}

/// What each kind answers from its configuration.
pub(super) trait BackendKind {
    /// See [`BackendConfig::check_layer`].
    fn check_layer(&self, params: &Params) -> Result<(), InvalidParam>;

    /// See [`BackendConfig::takes_username`].
    fn takes_username(&self, _: &Params) -> bool {
        true
    }

    /// See [`BackendConfig::revocation_mode`].
    fn revocation_mode(&self, params: &Params) -> RevocationMode;

    /// See [`BackendConfig::residual`].
    fn residual(&self) -> Span {
        Span::default()
    }

    /// See [`BackendConfig::build`].
    fn build(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, BuildError>;
}

impl BackendConfig {
    fn kind(&self) -> &dyn BackendKind {
        match self {
            Self::Postgres(config) => config,
            Self::Webhook(config) => config,
            Self::Exec(config) => config,
        }
    }

    /// Checks what a layer of the catalogue asks of this target; needs neither the target nor its
    /// secrets.
    ///
    /// # Errors
    ///
    /// The first parameter that is wrong.
    pub fn check_layer(&self, params: &Params) -> Result<(), InvalidParam> {
        self.kind().check_layer(params)
    }

    /// Whether the requester's name reaches the target with this layer, so that whose it is decides
    /// who gets the access. Only a kind that makes a name of its own can say no.
    pub fn takes_username(&self, params: &Params) -> bool {
        self.kind().takes_username(params)
    }

    /// How access that is granted with these parameters ends.
    pub fn revocation_mode(&self, params: &Params) -> RevocationMode {
        self.kind().revocation_mode(params)
    }

    /// The longest that access in this target may go on working after it ended, although the target
    /// says that it is gone: until a session or a token that it does not know of expires.
    pub fn residual(&self) -> Span {
        self.kind().residual()
    }

    /// Fetches the secrets and makes the target ready. Connects to nothing: a target that is down
    /// does not keep Keylend from starting.
    ///
    /// # Errors
    ///
    /// The secret that is missing or of the wrong form. Its text is never told.
    pub fn build(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, BuildError> {
        self.kind().build(clock)
    }
}

/// A target cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A secret is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] MissingSecret),
    /// The secret is not a PostgreSQL URL.
    #[error(
        "the {0} does not hold a URL such as \
         `postgres://keylend:PASSWORD@db.example.com/app?sslmode=verify-full`"
    )]
    PostgresUrl(Secret),
    /// The HTTPS client does not start, for want of root certificates for instance.
    #[error("the HTTPS client does not start: {0}")]
    Client(#[source] reqwest::Error),
}
