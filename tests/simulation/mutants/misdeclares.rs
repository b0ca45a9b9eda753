//! A target is taken for one whose access ends, or whose orders act, in another way than they do. Breaks
//! promise 4: what only a time limit ends is told to be revoked, and "ended" is said of what acts late,
//! which is granted when it is over (promise 6).

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

use super::Mutant;

/// What is not known of targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Misdeclares {
    /// That some access ends by a time limit alone.
    TimeLimits,
    /// That orders may act late.
    LateEffects,
}

impl Mutant for Misdeclares {
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        let what = *self;
        Arc::new(Misdeclared { target, what })
    }
}

struct Misdeclared {
    target: Arc<dyn Backend>,
    what: Misdeclares,
}

impl Backend for Misdeclared {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(MisdeclaredLayer {
            layer: self.target.bind(params)?,
            what: self.what,
        }))
    }
}

struct MisdeclaredLayer {
    layer: Box<dyn BoundLayer>,
    what: Misdeclares,
}

#[async_trait]
impl BoundLayer for MisdeclaredLayer {
    fn revocation_mode(&self) -> RevocationMode {
        match self.what {
            Misdeclares::TimeLimits => RevocationMode::Call,
            Misdeclares::LateEffects => self.layer.revocation_mode(),
        }
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        self.layer.entitlement(order)
    }

    fn late_effects(&self) -> Span {
        match self.what {
            Misdeclares::TimeLimits => self.layer.late_effects(),
            Misdeclares::LateEffects => Span::default(),
        }
    }

    fn connection(&self, order: &LayerRequest) -> Option<Vec<(String, String)>> {
        self.layer.connection(order)
    }

    async fn inspect(&self, order: &LayerRequest) -> Result<Inspection, BackendError> {
        self.layer.inspect(order).await
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        self.layer.grant(order, password).await
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        self.layer.revoke(order).await
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        self.layer.status(order).await
    }
}
