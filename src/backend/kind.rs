//! What a kind of target says of itself before any target of it exists.

use std::{error::Error, sync::Arc};

use super::Backend;
use crate::{
    clock::Clock,
    domain::{BackendName, Params, RevocationMode, Span},
    secret::MissingSecret,
};

/// A kind of target, by the configuration of one.
pub(super) trait BackendKind {
    /// See [`BackendConfig::check_layer`](super::BackendConfig::check_layer).
    fn check_layer(&self, params: &Params) -> Result<(), InvalidParam>;

    /// See [`BackendConfig::takes_username`](super::BackendConfig::takes_username).
    fn takes_username(&self, _: &Params) -> bool {
        true
    }

    /// See [`BackendConfig::revocation_mode`](super::BackendConfig::revocation_mode).
    fn revocation_mode(&self, params: &Params) -> RevocationMode;

    /// See [`BackendConfig::residual`](super::BackendConfig::residual).
    fn residual(&self) -> Span {
        Span::default()
    }

    /// See [`BackendConfig::build`](super::BackendConfig::build).
    fn build(
        &self,
        name: &BackendName,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Backend>, BuildError>;
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

/// A target cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BuildError {
    /// What is wrong, without the text of a secret, and what caused it.
    pub(super) fn because(
        message: String,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let source = Some(source.into());
        Self { message, source }
    }
}

impl From<String> for BuildError {
    fn from(message: String) -> Self {
        let source = None;
        Self { message, source }
    }
}

impl From<MissingSecret> for BuildError {
    fn from(missing: MissingSecret) -> Self {
        Self::because(missing.to_string(), missing)
    }
}
