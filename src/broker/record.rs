//! What the worker found out: commands of the clock and the targets.

use super::{Broker, alone, end::ended_by_lock, unavailable};
use crate::{
    domain::{Command, Entitlement, PlannedLayer, Refusal, Request, RequestId, Time},
    store::{SealedCredential, Sharing},
    vault::generate_password,
};

impl Broker {
    /// Commits `command`, decided on the request as it is now, with a credential where the step
    /// makes one. What would grant something that is locked by now ends the request instead.
    /// Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotDue`] if the step no longer fits, or the store's trouble.
    pub async fn record(
        &self,
        id: RequestId,
        command: Command,
        credential: Option<SealedCredential>,
    ) -> Result<Request, Refusal> {
        self.settle(id, async |request| {
            let mut change = self.change(&request, command.clone())?;
            if change.grants()
                && let Some(lock) = self.lock_over(&request).await?
            {
                change = self.change(&request, ended_by_lock(&lock))?;
            }
            let (after, mut commit) = alone(change);
            commit.credentials.extend(credential.clone());
            Ok((after, commit))
        })
        .await
    }

    /// The other grants that stand on `entitlement`.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Vec<Sharing>, Refusal> {
        self.parts
            .store
            .sharing(entitlement, except)
            .await
            .map_err(unavailable)
    }

    /// The password for a layer that comes with one, sealed: made before the target is asked, so
    /// that a second try makes the same.
    pub(crate) fn new_credential(
        &self,
        request: &Request,
        layer: usize,
        plan: &PlannedLayer,
        expires_at: Time,
    ) -> Option<SealedCredential> {
        let backend = self.backend(&plan.backend)?;
        backend.credential(&Self::order(request, plan, expires_at))?;
        let password = generate_password(&*self.parts.entropy);
        Some(
            self.parts
                .vault
                .seal(request.id, layer, &password, &*self.parts.entropy),
        )
    }
}
