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
    /// What the grant is for.
    pub scope: ScopeId,
    /// Whether the scope says that the access may be one that reaches more than the target's data.
    pub dangerous: bool,
    /// Who receives it, in Slack.
    pub requester: UserId,
    /// Their verified address.
    pub email: Email,
    /// Their name in the target.
    pub username: Username,
    /// What the layer is called in the target, unique to the grant.
    pub handle: Handle,
    /// What the layer gives in the target, as it was when the grant was approved; nothing before.
    pub entitlement: Option<Entitlement>,
    /// What the target last gave to recognise the access by; nothing before it did.
    pub receipt: Option<Receipt>,
    /// When the access ends.
    pub expires_at: Time,
    /// Which Keylend grants it, for the marks that the target keeps; nothing unless it is granted.
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
