//! Names as types, so that none can stand where another belongs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it stands; whoever parses it has checked it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_id! {
    /// A person in Slack, such as `U0ALICE`. The first letter means nothing.
    UserId;
    /// A Slack workspace (`T…`) or organisation (`E…`).
    TeamId;
    /// A Slack channel (`C…`, `G…`) or direct message (`D…`).
    ChannelId;
    /// A group of people, as the configuration names it.
    GroupName;
    /// A target, as the configuration names it.
    BackendName;
    /// The `@id` of a policy rule.
    RuleId;
    /// A group of scopes that share their fate, such as `prod`.
    Environment;
    /// A person's name in the targets.
    Username;
    /// An email address.
    Email;
    /// What one layer is called in its target, derived from the grant so that it can be undone
    /// although the target's answer was lost.
    Handle;
    /// What a layer gives and in which target, whoever asked: two grants with the same
    /// entitlement stand on one piece of access.
    Entitlement;
}

impl Username {
    /// The name as names are told apart: targets differ in whether case counts, so it never makes
    /// two names of one.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self(self.0.to_lowercase())
    }
}

/// The name of one request: 60 bits, written as twelve letters and digits of Crockford's base 32.
///
/// It is derived from what Slack names only once (a `trigger_id`, a view), so that a payload
/// delivered twice names one request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 12;

impl RequestId {
    /// The least id that there can be.
    pub const MIN: Self = Self(0);

    /// The greatest id that there can be.
    pub const MAX: Self = Self((1 << (5 * LENGTH)) - 1);

    /// The id that belongs to `seed`: always the same for the same seed.
    pub fn derive(seed: &str) -> Self {
        let hash = Sha256::digest(seed.as_bytes());
        let first = hash
            .first_chunk::<8>()
            .expect("a SHA-256 hash has 32 bytes");
        Self(u64::from_be_bytes(*first) >> 4)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..LENGTH).rev() {
            let digit = (self.0 >> (5 * place)) & 31;
            write!(f, "{}", char::from(DIGITS[digit as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// The text is not a request's id: twelve letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request's id has {LENGTH} letters and digits")]
pub struct InvalidRequestId;

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != LENGTH {
            return Err(InvalidRequestId);
        }
        text.bytes()
            .try_fold(0, |bits, byte| {
                let digit = DIGITS
                    .iter()
                    .position(|digit| *digit == byte.to_ascii_lowercase())
                    .ok_or(InvalidRequestId)?;
                Ok((bits << 5) | digit as u64)
            })
            .map(Self)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = RequestId::derive("13345224609.738474920.8088930838d88f008e0");
        assert_eq!(id.to_string().len(), LENGTH);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        assert_eq!("short".parse::<RequestId>(), Err(InvalidRequestId));
        assert_eq!("uuuuuuuuuuuu".parse::<RequestId>(), Err(InvalidRequestId));
    }
}
