//! What a target does not say, or has yet to do, while access is taken back counts as "it is gone".
//! Breaks promise 4: "ended" is said only after the target was read back and the access was not there.
//! Breaks promise 6 where the target acts after that.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError, LayerRequest, Presence, RevocationMode},
    domain::{Entitlement, Params},
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

impl Trusting {
    fn trust<T>(&self, outcome: Result<T, BackendError>, success: T) -> Result<T, BackendError> {
        match outcome {
            Err(error) if (self.which)(&error) => Ok(success),
            outcome => outcome,
        }
    }
}

#[async_trait]
impl Backend for Trusting {
    fn revocation_mode(&self, params: &Params) -> RevocationMode {
        self.target.revocation_mode(params)
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        self.target.entitlement(order)
    }

    fn credential(&self, order: &LayerRequest) -> Option<Vec<(String, String)>> {
        self.target.credential(order)
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<(), BackendError> {
        self.target.grant(order, password).await
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        let outcome = self.target.revoke(order).await;
        self.trust(outcome, ())
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        let outcome = self.target.status(order).await;
        self.trust(outcome, Presence::Absent)
    }
}
