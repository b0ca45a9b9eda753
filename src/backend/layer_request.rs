//! What a target is told of a layer of a grant.

use crate::domain::{
    Email, Entitlement, Handle, Receipt, RequestId, ScopeId, Time, UserId, Username,
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
}
