//! Names as types, so that none can stand where another belongs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Time;

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it stands; the code that parses it has checked it.
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
    /// One Keylend: every replica on its store, and every copy of its log.
    InstanceId;
    /// A person's name in the targets.
    Username;
    /// An email address.
    Email;
    /// What one layer is called in its target, derived from the grant so that it can be undone
    /// although the target's answer was lost.
    Handle;
    /// What a layer gives, no matter who asked: two grants with the same entitlement depend on one piece of
    /// access. In the log with the name of its target before it, towards the target without.
    Entitlement;
}

impl Entitlement {
    /// What the log calls what `target` calls `self`: two targets may call their access the same.
    #[must_use]
    pub fn in_target(&self, target: &BackendName) -> Self {
        Self(format!("{target}/{self}"))
    }

    /// What `target` calls what the log calls `self`; nothing if it is in another target.
    #[must_use]
    pub fn within(&self, target: &BackendName) -> Option<Self> {
        let name = self.0.strip_prefix(target.as_str())?.strip_prefix('/')?;
        Some(Self::new(name))
    }
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
/// The first 35 bits are the second in which it was asked for, since 1970, so that names are in the
/// order of time. The other 25 are random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 12;

/// Bits of a request's name that are its time: enough for a thousand years.
const SECONDS: u32 = 35;

/// Bits that are random.
const RANDOM: u32 = 25;

impl RequestId {
    /// The least id that there can be.
    pub const MIN: Self = Self(0);

    /// The greatest id that there can be.
    pub const MAX: Self = Self((1 << (5 * LENGTH)) - 1);

    /// A name for what is asked for at `at`; of `random`, 25 bits.
    pub fn new(at: Time, random: u32) -> Self {
        let second = u64::try_from(at.timestamp()).unwrap_or_default() & ((1 << SECONDS) - 1);
        let random = u64::from(random) & ((1 << RANDOM) - 1);
        Self(second << RANDOM | random)
    }
}

/// What makes asking twice one request: derived from what Slack names only once (a `trigger_id`, a
/// view), so that a payload that is delivered twice asks once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskKey(String);

impl AskKey {
    /// The key that belongs to `seed`: always the same for the same seed.
    pub fn derive(seed: &str) -> Self {
        Self(hex::encode(&Sha256::digest(seed.as_bytes())[..16]))
    }

    /// The key as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One delivery from Slack: derived from its signature, which no other delivery has, or from the id of its
/// envelope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(String);

impl DeliveryKey {
    /// The key that belongs to `seed`: always the same for the same seed.
    pub fn derive(seed: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(seed)))
    }

    /// The key as it is kept: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
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
    fn ids_are_in_the_order_of_time() {
        let at = |second: i64| Time::from_timestamp(second, 0).unwrap();
        let [early, late] = [(1_800_000_000, u32::MAX), (1_800_000_001, 0)]
            .map(|(second, random)| RequestId::new(at(second), random));
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_ne!(early, RequestId::new(at(1_800_000_000), 0));
        assert_eq!(
            RequestId::new(at(i64::from(u32::MAX)), 1).to_string().len(),
            LENGTH
        );
    }

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = RequestId::new(Time::from_timestamp(1_800_000_000, 0).unwrap(), 12_345_678);
        assert_eq!(id.to_string().len(), LENGTH);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        assert_eq!("short".parse::<RequestId>(), Err(InvalidRequestId));
        assert_eq!("uuuuuuuuuuuu".parse::<RequestId>(), Err(InvalidRequestId));
    }
}
