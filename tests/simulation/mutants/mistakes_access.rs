//! What a receipt says is not heeded: whose access it is, or who gave it. Breaks promise 4: a login that was
//! renamed keeps its access, or what Keylend gave is taken for somebody else's and stays; promise 6: a
//! grant does not end for as long as somebody else gives the same; or promise 9: what somebody else gave is
//! revoked, or stands in for what Keylend should give.

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError, BoundLayer, Granted, Inspection, LayerRequest, Presence},
    domain::Receipt,
};
use secrecy::SecretString;

use super::{
    Mutant,
    changed_target::{Changes, changed},
};
use crate::target::{LOGIN, OWN};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MistakesAccess {
    /// A login is looked for by its name when its access ends.
    GoesByNames,
    /// All that is equal is revoked.
    RevokesForeign,
    /// What others gave before counts as the access, which is not Keylend's to revoke then.
    FindsForeign,
    /// Nothing is given where others gave the same.
    GrantsNothingForeign,
    /// What others gave counts as access that is still there.
    SeesForeign,
}

impl Mutant for MistakesAccess {
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        changed(target, *self)
    }
}

#[async_trait]
impl Changes for MistakesAccess {
    async fn inspect(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<Inspection, BackendError> {
        let inspection = layer.inspect(order).await?;
        if self != Self::FindsForeign {
            return Ok(inspection);
        }
        let order = of_anybody(&LayerRequest {
            receipt: inspection.receipt.clone(),
            ..order.clone()
        });
        Ok(Inspection {
            presence: layer.status(&order).await?,
            ..inspection
        })
    }

    async fn grant(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        let is_there = self == Self::GrantsNothingForeign
            && layer.status(&of_anybody(order)).await? == Presence::Present;
        match is_there {
            true => Ok(Granted::default()),
            false => layer.grant(order, password).await,
        }
    }

    async fn revoke(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<(), BackendError> {
        let order = match self {
            Self::GoesByNames => by_name(order),
            Self::RevokesForeign => of_anybody(order),
            _ => order.clone(),
        };
        layer.revoke(&order).await
    }

    async fn status(
        self,
        layer: &dyn BoundLayer,
        order: &LayerRequest,
    ) -> Result<Presence, BackendError> {
        let order = match self {
            Self::GoesByNames => by_name(order),
            Self::GrantsNothingForeign | Self::SeesForeign => of_anybody(order),
            _ => order.clone(),
        };
        layer.status(&order).await
    }
}

/// The same order without the number of a login.
fn by_name(order: &LayerRequest) -> LayerRequest {
    without(order, |part| part.starts_with(LOGIN))
}

/// The same order about what anybody gave.
fn of_anybody(order: &LayerRequest) -> LayerRequest {
    without(order, |part| part == OWN)
}

fn without(order: &LayerRequest, is_lost: impl Fn(&str) -> bool) -> LayerRequest {
    let mut order = order.clone();
    if let Some(receipt) = &order.receipt
        && receipt.as_str().starts_with(LOGIN)
    {
        let parts = receipt.as_str().split(' ');
        let parts: Vec<_> = parts.filter(|part| !is_lost(part)).collect();
        order.receipt = Some(Receipt::try_from(parts.join(" ")).expect("a receipt"));
    }
    order
}
