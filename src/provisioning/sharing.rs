//! Which other grants give the same access: who grants and who revokes must know.

use super::Provisioner;
use crate::{
    broker::{Error, Loaded},
    domain::{Layer, PlannedLayer, Progress, Receipt, Refusal, Request, RequestId},
    store::Sharing,
};

/// The other grants that depend on the same access.
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
    /// The other grants that depend on the access of `plan`, which its target recognises by `receipt`. The
    /// table only says where to look: each is counted as the log tells it, and not at all if the log does
    /// not tell.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(super) async fn sharing(
        &self,
        plan: &PlannedLayer,
        receipt: Option<&Receipt>,
        except: RequestId,
    ) -> Result<Sharers, Error> {
        let found = self.broker.store().sharing(&plan.entitlement, except);
        let found = found.await?.into_iter().map(|found| found.request);
        self.sharers(found, plan, receipt).await
    }

    /// The same, found in the log alone, which takes longer: before access counts as somebody else's
    /// because no row says that Keylend gave it.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub(super) async fn sharing_in_log(
        &self,
        plan: &PlannedLayer,
        receipt: Option<&Receipt>,
        except: RequestId,
    ) -> Result<Sharers, Error> {
        let found = self.broker.store().approved_for(&plan.entitlement).await?;
        let found = found.into_iter().filter(|id| *id != except);
        self.sharers(found, plan, receipt).await
    }

    async fn sharers(
        &self,
        found: impl Iterator<Item = RequestId>,
        plan: &PlannedLayer,
        receipt: Option<&Receipt>,
    ) -> Result<Sharers, Error> {
        let mut sharers = Sharers::default();
        for id in found {
            match self.broker.load(id).await {
                Ok(Loaded {
                    request,
                    logged: Some(_),
                }) => {
                    let layers = request.layers.iter();
                    let same: Vec<&Layer> = layers
                        .filter(|layer| self.is_same(layer, plan, receipt))
                        .collect();
                    sharers.proven.extend(as_sharing(&request, &same));
                    sharers.is_inspected_later |= same
                        .iter()
                        .any(|layer| layer.progress.inspect_since().is_some());
                }
                Ok(_) | Err(Error::Refused(Refusal::NoSuchRequest(_))) => {
                    sharers.unproven = Some(id)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sharers)
    }

    /// Whether the layer gives the access of `plan`. An entitlement names it as it was called, and what is
    /// called so by now may be another.
    fn is_same(&self, layer: &Layer, plan: &PlannedLayer, receipt: Option<&Receipt>) -> bool {
        let is_another = match (&layer.receipt, receipt, self.backends.get(&plan.backend)) {
            (Some(one), Some(other), Some(backend)) => backend.are_distinct(one, other),
            _ => false,
        };
        layer.plan.entitlement == plan.entitlement && !is_another
    }
}

/// What `request` has to do with an access that these layers of it give: nothing unless one may be in its
/// target.
fn as_sharing(request: &Request, layers: &[&Layer]) -> Option<Sharing> {
    let managed: Vec<bool> = layers
        .iter()
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
