//! What a layer of the catalogue asks of a server.

use serde::Deserialize;

use super::name::RoleName;
use crate::domain::RevocationMode;

/// What a layer asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The role that is lent.
    pub(super) role: RoleName,
    /// To which login.
    #[serde(default)]
    pub(super) login: LoginKind,
    /// What becomes of what the grantee leaves behind.
    #[serde(default)]
    pub(super) leftovers: OnLeftovers,
}

/// What becomes of what a grantee leaves behind. It is listed in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnLeftovers {
    /// It stays.
    #[default]
    Keep,
    /// What is certainly theirs is revoked or dropped.
    Drop,
}

/// To which login a role is lent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LoginKind {
    /// The requester's own.
    #[default]
    Named,
    /// One made for the grant.
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
