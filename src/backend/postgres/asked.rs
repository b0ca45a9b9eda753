//! What a layer of the catalogue asks of a server.

use schemars::JsonSchema;
use serde::Deserialize;

use super::name::RoleName;
use crate::domain::RevocationMode;

/// What a layer in a PostgreSQL target grants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "layer in a PostgreSQL target")]
pub(super) struct Asked {
    /// The role that Keylend grants.
    #[schemars(title = "role", length(min = 1), example = &"app_writer")]
    pub(super) role: RoleName,
    /// The login that receives the role.
    #[serde(default)]
    #[schemars(example = &"generated", extend("default" = "named"))]
    pub(super) login: LoginKind,
    /// What Keylend does with what a grantee leaves behind.
    #[serde(default)]
    #[schemars(example = &"drop", extend("default" = "keep"))]
    pub(super) leftovers: OnLeftovers,
}

/// What Keylend does with what a grantee leaves behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnLeftovers {
    /// Keylend lists it and changes nothing.
    #[default]
    Keep,
    /// Keylend lists it, and drops what this person certainly made during the grant.
    Drop,
}

/// The login that receives a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LoginKind {
    /// The requester's own login.
    #[default]
    Named,
    /// A login that Keylend creates for the grant.
    Generated,
}

impl LoginKind {
    pub(super) fn revocation(self) -> RevocationMode {
        match self {
            Self::Named => RevocationMode::Call,
            Self::Generated => RevocationMode::CallAndTimeLimit,
        }
    }
}
