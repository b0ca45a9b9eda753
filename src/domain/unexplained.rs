//! Access in a target that Keylend granted, as the target tells, and that no request explains.

use serde::{Deserialize, Serialize};

use super::{BackendName, Entitlement};

/// One such piece of access, as the target calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnexplainedAccess {
    /// The target.
    pub backend: BackendName,
    /// Who has it.
    pub holder: String,
    /// What it is, such as "role app_writer".
    pub title: String,
    /// What the log would call it.
    pub entitlement: Entitlement,
}

/// What the log says of access that an operator has revoked although no request explains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum UnexplainedEvent {
    /// It is about to be revoked: the intent, before the target is told.
    UnexplainedRevocationStarted {
        /// What.
        access: UnexplainedAccess,
        /// The account on the machine where the command ran.
        operator: String,
    },
    /// It is gone: the target was read back.
    UnexplainedRevoked {
        /// What.
        access: UnexplainedAccess,
    },
    /// The target did not revoke it. Nobody tries again until the command runs again.
    UnexplainedRevokeFailed {
        /// What.
        access: UnexplainedAccess,
        /// What the target said.
        error: String,
    },
}
