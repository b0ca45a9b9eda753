//! What a target does not say, or has yet to do, while access is taken back counts as "it is gone".
//! Breaks promise 4: "ended" is said only after the target was read back and the access was not there.
//! Breaks promise 6 where the target acts after that.

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

pub(super) struct TakesErrorsForSuccess {
    /// The errors that count as success.
    pub(super) which: fn(&BackendError) -> bool,
}

impl Mutant for TakesErrorsForSuccess {
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        let which = self.which;
        Arc::new(Trusting { target, which })
    }
}

struct Trusting {
    target: Arc<dyn Backend>,
    which: fn(&BackendError) -> bool,
}

impl Backend for Trusting {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(TrustingLayer {
            layer: self.target.bind(params)?,
            which: self.which,
        }))
    }
}

struct TrustingLayer {
    layer: Box<dyn BoundLayer>,
    which: fn(&BackendError) -> bool,
}

impl TrustingLayer {
    fn trust<T>(&self, outcome: Result<T, BackendError>, success: T) -> Result<T, BackendError> {
        match outcome {
            Err(error) if (self.which)(&error) => Ok(success),
            outcome => outcome,
        }
    }
}

#[async_trait]
impl BoundLayer for TrustingLayer {
    fn revocation_mode(&self) -> RevocationMode {
        self.layer.revocation_mode()
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        self.layer.entitlement(order)
    }

    fn late_effects(&self) -> Span {
        self.layer.late_effects()
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
        let outcome = self.layer.revoke(order).await;
        self.trust(outcome, ())
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        let outcome = self.layer.status(order).await;
        self.trust(outcome, Presence::Absent)
    }
}
