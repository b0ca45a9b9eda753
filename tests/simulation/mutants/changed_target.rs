//! A target that does something else than it should: what the planted bugs about targets share.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    backend::{
        Backend, BackendError, BoundLayer, Granted, Inspection, InvalidParam, LayerRequest,
        Presence,
    },
    domain::{Entitlement, Params, RevocationMode, Span},
};
use secrecy::SecretString;

/// What is changed of each layer. What is not overridden is what the layer itself does.
#[async_trait]
pub(super) trait Changes: Copy + Send + Sync + 'static {
    fn revocation_mode(self, layer: &dyn BoundLayer) -> RevocationMode {
        layer.revocation_mode()
    }

    fn late_effects(self, layer: &dyn BoundLayer) -> Span {
        layer.late_effects()
    }

    async fn inspect(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<Inspection, BackendError> {
        layer.inspect(order).await
    }

    async fn grant(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        layer.grant(order, password).await
    }

    async fn revoke(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<(), BackendError> {
        layer.revoke(order).await
    }

    async fn status(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<Presence, BackendError> {
        layer.status(order).await
    }
}

/// The target with these changes.
pub(super) fn changed(target: Arc<dyn Backend>, changes: impl Changes) -> Arc<dyn Backend> {
    Arc::new(ChangedTarget { target, changes })
}

struct ChangedTarget<C> {
    target: Arc<dyn Backend>,
    changes: C,
}

impl<C: Changes> Backend for ChangedTarget<C> {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(ChangedLayer {
            layer: self.target.bind(params)?,
            changes: self.changes,
        }))
    }
}

struct ChangedLayer<C> {
    layer: Box<dyn BoundLayer>,
    changes: C,
}

#[async_trait]
impl<C: Changes> BoundLayer for ChangedLayer<C> {
    fn revocation_mode(&self) -> RevocationMode {
        self.changes.revocation_mode(&*self.layer)
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        self.layer.entitlement(order)
    }

    fn late_effects(&self) -> Span {
        self.changes.late_effects(&*self.layer)
    }

    fn connection(&self, order: &LayerRequest) -> Option<Vec<(String, String)>> {
        self.layer.connection(order)
    }

    async fn inspect(&self, order: &LayerRequest) -> Result<Inspection, BackendError> {
        self.changes.inspect(&*self.layer, order).await
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        self.changes.grant(&*self.layer, order, password).await
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        self.changes.revoke(&*self.layer, order).await
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        self.changes.status(&*self.layer, order).await
    }
}
