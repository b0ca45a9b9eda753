//! Which Slack ids and addresses are one person.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Email, UserId};

/// One thing by which a person is recognized. Written `id:U0ALICE`, `address:alice@example.com` or
/// `person:alice`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKey {
    /// A Slack id.
    Id(UserId),
    /// A verified address, compared without case.
    Address(Email),
    /// The name of an entry in `[people]`.
    Person(String),
}

impl IdentityKey {
    /// The key of an address.
    ///
    /// Only ASCII letters lose their case: Unicode would make one address of two that a mail
    /// server tells apart (`K` and the Kelvin sign).
    pub fn address(email: &Email) -> Self {
        Self::Address(Email::new(email.as_str().to_ascii_lowercase()))
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Address(address) => write!(f, "address:{address}"),
            Self::Person(name) => write!(f, "person:{name}"),
        }
    }
}

impl Serialize for IdentityKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IdentityKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("id", id)) => Ok(Self::Id(UserId::new(id))),
            Some(("address", address)) => Ok(Self::Address(Email::new(address))),
            Some(("person", name)) => Ok(Self::Person(name.to_owned())),
            _ => Err(de::Error::custom(format!("`{text}` is not an identity"))),
        }
    }
}

/// A person: every Slack id, verified address and `[people]` entry that is known to be theirs.
///
/// Two sets that share a key are the same human. A name in a target is no key: two people whose
/// addresses give the same name stay two people. Shared, since a request and all that is said of it
/// name the same few people.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Human(Arc<BTreeSet<IdentityKey>>);

impl Human {
    /// The person with this Slack id and this address.
    pub fn new(id: &UserId, email: Option<&Email>) -> Self {
        let id = IdentityKey::Id(id.clone());
        std::iter::once(id)
            .chain(email.map(IdentityKey::address))
            .collect()
    }

    /// Whether both are the same human.
    pub fn is(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// Whether this key is theirs.
    pub fn has(&self, key: &IdentityKey) -> bool {
        self.0.contains(key)
    }

    /// The same human with what is known of them elsewhere too.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        if !other.0.is_subset(&self.0) {
            Arc::make_mut(&mut self.0).extend(other.0.iter().cloned());
        }
        self
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &IdentityKey> {
        self.0.iter()
    }
}

impl FromIterator<IdentityKey> for Human {
    fn from_iter<I: IntoIterator<Item = IdentityKey>>(keys: I) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
    }
}

/// People as they turn out to be one human by what is recorded of them: two sets that share a key
/// become one.
#[derive(Debug, Clone, Default)]
pub struct Humans {
    numbers: BTreeMap<IdentityKey, usize>,
    humans: BTreeMap<usize, Human>,
    next: usize,
}

impl Humans {
    /// Adds what is recorded of one human.
    pub fn add(&mut self, human: &Human) {
        let numbers = &self.numbers;
        let first = human.keys().next().and_then(|key| numbers.get(key));
        if first.is_some_and(|number| human.0.is_subset(&self.humans[number].0)) {
            return;
        }
        let same: BTreeSet<usize> = human
            .keys()
            .filter_map(|it| numbers.get(it).copied())
            .collect();
        let same = same.iter().filter_map(|number| self.humans.remove(number));
        let whole = same.fold(human.clone(), |all, one| all.with(&one));
        self.next += 1;
        let number = self.next;
        for key in whole.keys() {
            self.numbers.insert(key.clone(), number);
        }
        self.humans.insert(number, whole);
    }

    /// The same human with every identity that is recorded of them.
    pub fn known(&self, human: &Human) -> Human {
        let numbers = human.keys().filter_map(|key| self.numbers.get(key));
        numbers.fold(human.clone(), |all, number| all.with(&self.humans[number]))
    }
}

/// Written as the list of the humans.
impl Serialize for Humans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.humans.values())
    }
}

impl<'de> Deserialize<'de> for Humans {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut humans = Self::default();
        for human in Vec::<Human>::deserialize(deserializer)? {
            humans.add(&human);
        }
        Ok(humans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(id: &str, email: &str) -> Human {
        Human::new(&UserId::new(id), Some(&Email::new(email)))
    }

    #[test]
    fn two_ids_with_one_address_are_one_human() {
        let alice = human("U0ALICE", "alice@example.com");
        assert!(alice.is(&human("W0ALICE", "Alice@Example.com")));
        assert!(alice.is(&human("U0ALICE", "alice.l@example.com")));
        assert!(!alice.is(&human("U0BOB", "bob@example.com")));
    }

    #[test]
    fn two_humans_become_one_by_what_is_recorded_later() {
        let mut humans = Humans::default();
        humans.add(&human("U0ALICE", "alice@example.com"));
        humans.add(&human("W0ALICE", "alice@example.org"));
        humans.add(&human("U0BOB", "bob@example.com"));
        let one = human("U0ALICE", "alice@example.com");
        let other = human("W0ALICE", "alice@example.org");
        assert_eq!(humans.known(&one), one);
        humans.add(&human("W0ALICE", "alice@example.com"));
        let alice = one.clone().with(&other);
        for human in [one, other] {
            assert_eq!(humans.known(&human), alice);
        }
        let bob = human("U0BOB", "bob@example.com");
        assert_eq!(humans.known(&bob), bob);
    }

    #[test]
    fn a_human_is_written_as_their_keys_and_read_again() {
        let alice = human("U0ALICE", "Alice@example.com")
            .with(&Human::from_iter([IdentityKey::Person("alice".to_owned())]));
        let written = serde_json::to_string(&alice).unwrap();
        assert_eq!(
            written,
            r#"["id:U0ALICE","address:alice@example.com","person:alice"]"#
        );
        assert_eq!(serde_json::from_str::<Human>(&written).unwrap(), alice);
        assert!(serde_json::from_str::<Human>(r#"["U0ALICE"]"#).is_err());
    }
}
