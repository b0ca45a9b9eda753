//! What a target answers.

use crate::{
    domain::{Entitlement, InstanceId, Receipt, Time},
    secret::SecretField,
};

/// What a target says when it has granted access.
#[derive(Debug, Default)]
pub struct Granted {
    /// What the requester alone is shown, in place of what an earlier grant of the layer gave; what
    /// that gave stays if there is nothing.
    pub secrets: Vec<SecretField>,
    /// What it recognises the access by from now on; as before if there is nothing.
    pub receipt: Option<Receipt>,
    /// When the access ends by itself; nothing if it does not, or not at a known moment. The whole grant
    /// ends then if that is before its end.
    pub ends_at: Option<Time>,
    /// What people are told of the access when it has ended, as sentences; nothing secret in it.
    pub caveat: Option<String>,
}

/// What a target shows when it is inspected before the first grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whether the access is there already.
    pub presence: Presence,
    /// What the target recognises the person and the access by, if it can say before it grants it.
    pub receipt: Option<Receipt>,
}

impl From<Presence> for Inspection {
    fn from(presence: Presence) -> Self {
        Self {
            presence,
            receipt: None,
        }
    }
}

/// What a target shows when it is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The access is there, or something of it is: a session that is still open counts.
    Present,
    /// Nothing of it is there.
    Absent,
}

/// What a target says of itself and of Keylend's account in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The target and its version, as it says itself; nothing if it does not.
    pub version: Option<String>,
    /// What Keylend's account may do and needs.
    pub present: Vec<String>,
    /// What it may not do and needs, with what to do about it.
    pub missing: Vec<String>,
    /// What it may do, or the target offers to people, and Keylend does not need.
    pub unneeded: Vec<String>,
    /// What each of the layers that were asked about reaches beyond the target's data, in their order, as a
    /// sentence; nothing for a layer that reaches no more. Empty if the target cannot tell.
    pub reach: Vec<Option<String>>,
}

/// Somebody who has the access of a layer, whoever granted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who has it, as the target calls them.
    pub name: String,
    /// Who granted it, as the target calls them; nothing if it does not say.
    pub granted_by: Option<String>,
    /// Whether the target recognises it as granted by Keylend.
    pub is_managed: bool,
    /// What Keylend's log calls the access, if Keylend granted it or could have.
    pub entitlement: Option<Entitlement>,
}

/// Access of which the target itself tells that Keylend's account granted it, whoever knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Who has it, as the target calls them.
    pub holder: String,
    /// What it is, as people call it, such as "role app_writer".
    pub title: String,
    /// What the log calls it.
    pub entitlement: Entitlement,
    /// What the target recognises it by, whatever its names are; nothing if it tells names alone.
    pub receipt: Option<Receipt>,
    /// Which Keylend granted it.
    pub marker: Marker,
}

impl Managed {
    /// Whether both are the same piece of access.
    pub fn is_same(&self, other: &Self) -> bool {
        self.entitlement == other.entitlement && self.receipt == other.receipt
    }
}

/// Which Keylend granted a piece of access, as the target tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// Whoever uses Keylend's account in the target: nothing else stands beside such access.
    Account,
    /// The Keylend that Keylend's account wrote beside it.
    Instance(InstanceId),
    /// Keylend's account made it, and what is written beside it is not Keylend's, or not any more.
    Illegible,
}
