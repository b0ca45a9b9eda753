//! Revoking a layer: until the target's status was read back and it is not there, for ever.

use super::{RETRY, Unfinished, Worker, limited, order, root_cause};
use crate::{
    backend::{BackendError, Presence},
    broker::Loaded,
    domain::{Command, Removal, Request},
};

impl Worker {
    /// Revokes `layer`, unless it is not Keylend's to revoke or another grant depends on it.
    ///
    /// Where the log does not tell, what the tables say is revoked too, but it is not said to be gone.
    pub(super) async fn revoke(&self, loaded: Loaded, layer: usize) -> Result<(), Unfinished> {
        let request = &loaded.request;
        let plan = &request.layers[layer].plan;
        self.check_pending(&order(request, plan))?;
        let store = &**self.broker.store();
        let _alone = self.turns.alone(store, &plan.entitlement).await?;
        let sharers = self.broker.sharing(&plan.entitlement, request.id).await?;
        let left_to = sharers.proven.iter().find(|other| other.goes_on);
        let removal = if !request.manages(layer) {
            Ok(Removal::Preexisting)
        } else if let Some(other) = left_to {
            Ok(Removal::RetainedByGrant {
                request: other.request,
            })
        } else {
            self.remove(request, layer).await.map(|()| Removal::Removed)
        };
        let removal = match loaded.logged {
            Some(_) => removal,
            None => removal.and(Err(BackendError::Retry(
                "the log does not tell of this grant: run `keylend audit verify`".into(),
            ))),
        };
        let command = match removal {
            Ok(removal) => Command::Revoked { layer, removal },
            Err(error) => {
                self.check_failure(&loaded, layer, &error).await?;
                let failures = request.layers[layer].failures;
                tracing::warn!(
                    request.id = %request.id, layer, %error, cause = root_cause(&error),
                    failures = failures + 1, "a target did not revoke a layer"
                );
                let retry_at = self.retry_at(failures, &error, RETRY.1);
                Command::RevokeFailed {
                    layer,
                    error: error.to_string(),
                    retry_at,
                }
            }
        };
        self.pending.forget(&plan.handle);
        self.broker.record(loaded, command, None).await?;
        Ok(())
    }

    async fn remove(&self, request: &Request, layer: usize) -> Result<(), BackendError> {
        let plan = &request.layers[layer].plan;
        let backend = self.backend(plan)?;
        let order = order(request, plan);
        if self.pending.ask_at(&order).is_none() {
            limited(backend.revoke(&order)).await?;
        }
        match limited(backend.status(&order)).await? {
            Presence::Absent => Ok(()),
            Presence::Present => Err(BackendError::Retry(
                "the access is still there after it was revoked".into(),
            )),
        }
    }
}
