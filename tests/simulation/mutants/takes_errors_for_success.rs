//! What a target does not say, or has yet to do, while access is taken back counts as "it is gone".
//! Breaks promise 4: "ended" is said only after the target was read back and the access was not there.
//! Breaks promise 6 where the target acts after that.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::backend::{Backend, BackendError, BoundLayer, LayerRequest, Presence};

use super::{
    Mutant,
    changed_target::{Changes, changed},
};

#[derive(Clone, Copy)]
pub(super) struct TakesErrorsForSuccess {
    /// The errors that count as success.
    pub(super) which: fn(&BackendError) -> bool,
}

impl Mutant for TakesErrorsForSuccess {
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        changed(target, *self)
    }
}

impl TakesErrorsForSuccess {
    fn trust<T>(self, outcome: Result<T, BackendError>, success: T) -> Result<T, BackendError> {
        match outcome {
            Err(error) if (self.which)(&error) => Ok(success),
            outcome => outcome,
        }
    }
}

#[async_trait]
impl Changes for TakesErrorsForSuccess {
    async fn revoke(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<(), BackendError> {
        self.trust(layer.revoke(order).await, ())
    }

    async fn status(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<Presence, BackendError> {
        self.trust(layer.status(order).await, Presence::Absent)
    }
}
