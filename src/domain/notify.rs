//! Who is told that a request waits for approval.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GroupName, ScopeId};

/// How approvers hear of a request, beside the approval card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// The approval card alone tells them.
    #[default]
    Channel,
    /// Keylend mentions the approver groups in the card's thread.
    Group,
    /// Keylend sends the members of the approver groups a direct message.
    Direct,
}

/// Whom one scope notifies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeNotify {
    /// How.
    pub notify: Notify,
    /// The groups that may approve.
    pub approvers: BTreeSet<GroupName>,
    /// The groups that the last reminder notifies too.
    pub escalate_to: BTreeSet<GroupName>,
    /// Whether requesters are offered break-glass while they wait.
    pub break_glass: bool,
}

/// Whom each scope notifies.
pub type Notifications = BTreeMap<ScopeId, ScopeNotify>;
