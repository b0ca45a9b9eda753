//! Taking a layer back: until the target was read back and it is not there, for ever.

use super::{Unfinished, Worker, limited, order};
use crate::{
    backend::{BackendError, Presence},
    domain::{Command, Gone, Request},
};

impl Worker {
    /// Takes `layer` back, unless it is not Keylend's to take or another grant stands on it.
    pub(super) async fn unmake(
        &self,
        request: &Request,
        layer: usize,
    ) -> Result<Request, Unfinished> {
        let plan = &request.layers[layer].plan;
        let store = &**self.broker.store();
        let _alone = self.turns.alone(store, &plan.entitlement).await?;
        let sharing = self.broker.sharing(&plan.entitlement, request.id).await?;
        let how = if !request.gives(layer) {
            Ok(Gone::WasThereBefore)
        } else if let Some(other) = sharing.iter().find(|other| other.goes_on) {
            Ok(Gone::LeftTo {
                request: other.request,
            })
        } else {
            self.remove(request, layer).await.map(|()| Gone::Removed)
        };
        let command = match how {
            Ok(how) => Command::Unmade { layer, how },
            Err(error) => {
                let failures = request.layers[layer].failures;
                tracing::warn!(
                    request.id = %request.id, layer, %error, failures = failures + 1,
                    "a target did not take a layer back"
                );
                let retry_at = self.retry_at(failures);
                Command::NotUnmade {
                    layer,
                    error: error.to_string(),
                    retry_at,
                }
            }
        };
        Ok(self.broker.record(request.id, command, None).await?)
    }

    async fn remove(&self, request: &Request, layer: usize) -> Result<(), BackendError> {
        let plan = &request.layers[layer].plan;
        let backend = self.backend(plan)?;
        let order = order(request, plan);
        limited(backend.unmake(&order)).await?;
        match limited(backend.read(&order)).await? {
            Presence::Absent => Ok(()),
            Presence::Present => Err(BackendError::Retry(
                "the access is still there after it was taken".to_owned(),
            )),
        }
    }
}
