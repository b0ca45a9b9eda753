//! By whose word something happened.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{RuleId, UserId};

/// Who or what stands behind an entry of the log. Written `person:U0ALICE`, `rule:low-risk` or
/// `keylend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, by command or click.
    Person(UserId),
    /// A policy that decided in a person's place.
    Rule(RuleId),
    /// Keylend itself: the clock, the sweeper.
    Keylend,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Rule(id) => write!(f, "rule:{id}"),
            Self::Keylend => f.write_str("keylend"),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("person", id)) => Ok(Self::Person(UserId::new(id))),
            Some(("rule", id)) => Ok(Self::Rule(RuleId::new(id))),
            None if text == "keylend" => Ok(Self::Keylend),
            _ => Err(de::Error::custom(format!("`{text}` is not an actor"))),
        }
    }
}
