//! What the clock and the targets say: commands of the worker and the provisioner.

use super::{Broker, Error, Loaded, end::ended_by_lock, single_change};
use crate::{
    domain::{Command, Request},
    store::SealedCredential,
};

impl Broker {
    /// Commits `command`, decided on the request as it is now, with a credential where the step
    /// makes one. What would grant something that is locked by now ends the request instead.
    /// Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotDue`](crate::domain::Refusal::NotDue) if the step no longer fits, or the store's
    /// trouble.
    pub(crate) async fn record(
        &self,
        loaded: Loaded,
        command: Command,
        credential: Option<SealedCredential>,
    ) -> Result<Loaded, Error> {
        let id = loaded.request.id;
        let decide = async |request: Request| {
            let mut change = self.change(&request, command.clone())?;
            if change.grants()
                && let Some(lock) = self.lock_over(&request).await?
            {
                change = self.change(&request, ended_by_lock(&lock))?;
            }
            let (after, mut commit) = single_change(change);
            commit.credentials.extend(credential.clone());
            Ok((after, commit))
        };
        self.attempt(None, loaded, || self.load(id), decide).await
    }

    /// Ends a grant that a lock covers although it was approved: the lock came later. True if there
    /// was one.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn end_if_locked(&self, loaded: &Loaded) -> Result<bool, Error> {
        let Some(lock) = self.lock_over(&loaded.request).await? else {
            return Ok(false);
        };
        let end = ended_by_lock(&lock);
        self.record(loaded.clone(), end, None).await.map(|_| true)
    }
}
