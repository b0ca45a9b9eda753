//! How a person can leave while they hold access.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::GroupName;

/// What somebody is no more, who was it when their access was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Departure {
    /// Their account is deactivated.
    Deactivated,
    /// They are a guest now.
    Guest,
    /// They are no longer in groups without which they would not receive the access.
    Group {
        /// Which.
        groups: BTreeSet<GroupName>,
    },
}

impl fmt::Display for Departure {
    /// What follows a person's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deactivated => f.write_str("is deactivated in Slack"),
            Self::Guest => f.write_str("is a guest now"),
            Self::Group { groups } => {
                let groups: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
                write!(f, "is no longer in {}", groups.join(", "))
            }
        }
    }
}
