//! What the worker found out: commands of the clock and the targets.

use super::{Broker, Error, end::ended_by_lock, log::Loaded, single_change};
use crate::{
    domain::{Command, Entitlement, Progress, Refusal, Request, RequestId, State},
    store::{SealedCredential, Sharing},
};

/// The other grants that depend on an entitlement.
#[derive(Default)]
pub(crate) struct Sharers {
    /// Those that the log tells of.
    pub proven: Vec<Sharing>,
    /// One that the table has and the log does not tell of.
    pub unproven: Option<RequestId>,
    /// Whether one that is over gave the access, and its target is still to be inspected once more.
    pub is_inspected_later: bool,
}

impl Sharers {
    /// Whether no row names another grant.
    pub(crate) fn is_empty(&self) -> bool {
        self.proven.is_empty() && self.unproven.is_none()
    }
}

impl Broker {
    /// Commits `command`, decided on the request as it is now, with a credential where the step
    /// makes one. What would grant something that is locked by now ends the request instead.
    /// Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotDue`] if the step no longer fits, or the store's trouble.
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

    /// The other grants that depend on `entitlement`. The table only says where to look: each is
    /// counted as the log tells it, and not at all if the log does not tell.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Sharers, Error> {
        let found = self.store.sharing(entitlement, except).await?;
        self.sharers(found.into_iter().map(|found| found.request), entitlement)
            .await
    }

    /// The same, found in the log alone, which takes longer: before access counts as somebody else's
    /// because no row says that Keylend gave it.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(crate) async fn sharing_in_log(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Sharers, Error> {
        let found = self.store.approved_for(entitlement).await?;
        self.sharers(found.into_iter().filter(|id| *id != except), entitlement)
            .await
    }

    async fn sharers(
        &self,
        found: impl Iterator<Item = RequestId>,
        entitlement: &Entitlement,
    ) -> Result<Sharers, Error> {
        let mut sharers = Sharers::default();
        for id in found {
            match self.load(id).await {
                Ok(Loaded {
                    request,
                    logged: Some(_),
                }) => {
                    sharers.proven.extend(as_sharing(&request, entitlement));
                    sharers.is_inspected_later |= is_inspected_later(&request, entitlement);
                }
                Ok(_) | Err(Error::Refused(Refusal::NoSuchRequest(_))) => {
                    sharers.unproven = Some(id)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sharers)
    }
}

/// What `request` has to do with `entitlement`: nothing unless a layer of it may be in its target.
fn as_sharing(request: &Request, entitlement: &Entitlement) -> Option<Sharing> {
    let managed: Vec<bool> = request
        .layers
        .iter()
        .filter(|layer| layer.plan.entitlement == *entitlement)
        .filter_map(|layer| match layer.progress {
            Progress::Inspected { managed } | Progress::Granted { managed, .. } => Some(managed),
            Progress::Planned | Progress::Revoked { .. } => None,
        })
        .collect();
    (!managed.is_empty()).then(|| Sharing {
        request: request.id,
        managed: managed.contains(&true),
        goes_on: matches!(request.state, State::Approved | State::Active { .. }),
    })
}

/// Whether `request` gave the access of `entitlement`, and its target is still to be inspected once more.
fn is_inspected_later(request: &Request, entitlement: &Entitlement) -> bool {
    let mut layers = request.layers.iter();
    layers.any(|layer| {
        layer.plan.entitlement == *entitlement && layer.progress.inspect_since().is_some()
    })
}
