//! The login that receives a grant's access in a target.

use super::BackendName;

/// Which login in which target receives access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The target.
    pub target: BackendName,
    /// The login.
    pub name: LoginName,
    /// Whether every session of the login closes when the access ends, those of other grants too.
    pub closes_sessions: bool,
}

/// The name of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// It is there already, and somebody's own.
    Named(String),
    /// It is made for this grant alone.
    New,
}
