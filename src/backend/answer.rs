//! The answers of targets.

use crate::{
    domain::{Entitlement, InstanceId, Receipt, Time},
    secret::SecretField,
};

/// The answer of a target that has granted access.
#[derive(Debug, Default)]
pub struct Granted {
    /// Credentials that only the requester sees. They replace those of an earlier attempt to grant the layer;
    /// if there are none, the earlier ones stay.
    pub secrets: Vec<SecretField>,
    /// What the target recognises the access by from now on. `None` keeps the earlier receipt.
    pub receipt: Option<Receipt>,
    /// When the access ends by itself. `None` if it does not, or if the time is not known. If it is before the
    /// end of the grant, the whole grant ends then.
    pub ends_at: Option<Time>,
    /// Sentences that people read when the access has ended. Contains no secret.
    pub caveat: Option<String>,
}

/// The answer of a target that is inspected before the first grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whether the access is there already.
    pub presence: Presence,
    /// What the target recognises the person and the access by, if it knows before it grants it.
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

/// Whether access is in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The access is there, or something of it is: a session that is still open counts.
    Present,
    /// Nothing of it is there.
    Absent,
}

/// The state of a target, and of Keylend's account in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The product and version that the target reports. `None` if it reports none.
    pub version: Option<String>,
    /// The privileges that Keylend's account needs and has.
    pub present: Vec<String>,
    /// The privileges that the account needs and lacks, with what to do about it.
    pub missing: Vec<String>,
    /// The privileges that the account has, or the target offers to people, and Keylend does not need.
    pub unneeded: Vec<String>,
    /// For each layer that was asked about, in that order: a sentence on what it gives access to beyond the
    /// target's data. `None` for a layer that gives access only to data. Empty if the target cannot tell.
    pub reach: Vec<Option<String>>,
}

/// An account that has the access of a layer, no matter who granted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The account's name in the target.
    pub name: String,
    /// The name in the target of the account that granted it. `None` if the target does not say.
    pub granted_by: Option<String>,
    /// Whether the target recognises it as granted by Keylend.
    pub is_managed: bool,
    /// The entitlement in Keylend's log, if Keylend granted the access or could have.
    pub entitlement: Option<Entitlement>,
}

/// Access that Keylend's account granted, as the target reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The holder's name in the target.
    pub holder: String,
    /// A description for people, such as "role app_writer".
    pub title: String,
    /// The entitlement in Keylend's log.
    pub entitlement: Entitlement,
    /// What the target recognises it by, independent of names. `None` if it only has names.
    pub receipt: Option<Receipt>,
    /// The mark of the Keylend installation that granted it.
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
