//! What a target is told of a layer of a grant.

use crate::domain::{
    Email, Entitlement, Handle, InstanceId, PlannedLayer, Receipt, Request, RequestId, ScopeId,
    Time, UserId, Username,
};

/// One layer of one grant, as a target sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRequest {
    /// The grant.
    pub request: RequestId,
    /// How many entries the log has about the grant: an order for the same handle with a smaller
    /// number was decided earlier.
    pub generation: u64,
    /// The scope of the grant.
    pub scope: ScopeId,
    /// Whether the scope says that the access may be one that reaches more than the target's data.
    pub dangerous: bool,
    /// The Slack id of the requester.
    pub requester: UserId,
    /// The requester's verified address.
    pub email: Email,
    /// The requester's name in the target.
    pub username: Username,
    /// The layer's name in the target, unique to the grant.
    pub handle: Handle,
    /// The entitlement that the layer gives, as it was at approval. `None` before.
    pub entitlement: Option<Entitlement>,
    /// The last receipt that the target returned. `None` before the first one.
    pub receipt: Option<Receipt>,
    /// When the access ends.
    pub expires_at: Time,
    /// The installation of Keylend, for the marks in the target. `None` unless the layer is being granted.
    pub instance: Option<InstanceId>,
}

impl LayerRequest {
    /// The order that `plan`, a layer of `request`, is for its target, until `expires_at`.
    pub(crate) fn of(
        request: &Request,
        plan: &PlannedLayer,
        receipt: Option<&Receipt>,
        expires_at: Time,
    ) -> Self {
        Self {
            request: request.id,
            generation: request.version,
            scope: request.terms.scope.clone(),
            dangerous: request.terms.dangerous,
            requester: request.requester.clone(),
            email: request.email.clone(),
            username: request.username.clone(),
            handle: plan.handle.clone(),
            entitlement: plan.entitlement.within(&plan.backend),
            receipt: receipt.cloned(),
            expires_at,
            instance: None,
        }
    }
}
