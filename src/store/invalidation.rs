//! What replicas tell each other beside the store: that something known of people is old.

use serde::{Deserialize, Serialize};

use crate::domain::UserId;

/// Something that is known of people, and not true any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invalidation {
    /// Who somebody is.
    Person(UserId),
    /// Who is in a user group, by its id.
    Usergroup(String),
    /// It was not heard what: anything may be old.
    Any,
}
