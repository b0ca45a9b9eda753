//! What a kind of target says of itself before any target of it exists.

use std::sync::Arc;

use schemars::{Schema, SchemaGenerator};

use super::{Backend, BuildError, InvalidParam};
use crate::{
    clock::Clock,
    domain::{BackendName, Params, RevocationMode, Span},
};

/// A kind of target, by the configuration of one.
pub(super) trait BackendKind {
    /// See [`BackendConfig::check_layer`](super::BackendConfig::check_layer).
    fn check_layer(&self, params: &Params) -> Result<(), InvalidParam>;

    /// Describes the parameters of a layer; `None` if the target takes any.
    fn layer_schema(_: &mut SchemaGenerator) -> Option<Schema>
    where
        Self: Sized,
    {
        None
    }

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

    /// See [`BackendConfig::warnings`](super::BackendConfig::warnings).
    fn warnings(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// See [`BackendConfig::build`](super::BackendConfig::build).
    fn build(
        &self,
        name: &BackendName,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Backend>, BuildError>;
}
