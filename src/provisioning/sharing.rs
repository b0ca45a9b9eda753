//! Which other grants give the same access: who grants and who revokes must know.

use super::Provisioner;
use crate::{
    broker::{Error, Loaded},
    domain::{Entitlement, Progress, Refusal, Request, RequestId},
    store::Sharing,
};

/// The other grants that depend on an entitlement.
#[derive(Default)]
pub(super) struct Sharers {
    /// Those that the log tells of.
    pub(super) proven: Vec<Sharing>,
    /// One that the table has and the log does not tell of.
    pub(super) unproven: Option<RequestId>,
    /// Whether one that is over gave the access, and its target is still to be inspected once more.
    pub(super) is_inspected_later: bool,
}

impl Sharers {
    /// Whether no row names another grant.
    pub(super) fn is_empty(&self) -> bool {
        self.proven.is_empty() && self.unproven.is_none()
    }
}

impl Provisioner {
    /// The other grants that depend on `entitlement`. The table only says where to look: each is
    /// counted as the log tells it, and not at all if the log does not tell.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(super) async fn sharing(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Sharers, Error> {
        let found = self.broker.store().sharing(entitlement, except).await?;
        self.sharers(found.into_iter().map(|found| found.request), entitlement)
            .await
    }

    /// The same, found in the log alone, which takes longer: before access counts as somebody else's
    /// because no row says that Keylend gave it.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(super) async fn sharing_in_log(
        &self,
        entitlement: &Entitlement,
        except: RequestId,
    ) -> Result<Sharers, Error> {
        let found = self.broker.store().approved_for(entitlement).await?;
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
            match self.broker.load(id).await {
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
        goes_on: request.goes_on(),
    })
}

/// Whether `request` gave the access of `entitlement`, and its target is still to be inspected once more.
fn is_inspected_later(request: &Request, entitlement: &Entitlement) -> bool {
    let mut layers = request.layers.iter();
    layers.any(|layer| {
        layer.plan.entitlement == *entitlement && layer.progress.inspect_since().is_some()
    })
}
