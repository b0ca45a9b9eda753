//! Locks: the red button. What is locked can neither be asked for, approved nor kept.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{Actor, Human, IdentityKey, Request, ScopeId, Time, UserId};

/// A lock in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// What is locked.
    pub target: LockTarget,
    /// Every identity of the person who is locked; empty for other targets.
    pub person: Human,
    /// Who locked it.
    pub by: UserId,
    /// Why, in their words.
    pub reason: String,
    /// Since when.
    pub at: Time,
}

impl Lock {
    /// Whether a request by `requester` for `scope` falls under the lock.
    pub fn covers(&self, requester: &Human, scope: &ScopeId) -> bool {
        self.target.covers(requester, scope) || self.person.is(requester)
    }

    /// Whether it is a lock of this person, under any identity of theirs. What they approve counts for
    /// nothing while it is in force.
    pub fn is_of(&self, person: &Human) -> bool {
        let is_named = match &self.target {
            LockTarget::Person(locked) => person.has(&IdentityKey::Id(locked.clone())),
            LockTarget::Everything | LockTarget::Scope(_) => false,
        };
        is_named || self.person.is(person)
    }

    /// Whether `request` falls under the lock.
    pub fn covers_request(&self, request: &Request) -> bool {
        self.covers(&request.human, &request.terms.scope)
    }
}

/// What a lock covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockTarget {
    /// Everything there is.
    Everything,
    /// One scope, for everybody.
    Scope(ScopeId),
    /// One person, for every scope.
    Person(UserId),
}

impl LockTarget {
    /// Whether a request by `requester` for `scope` falls under a lock of this target. A lock of a
    /// person covers their other identities too: see [`Lock::covers`].
    fn covers(&self, requester: &Human, scope: &ScopeId) -> bool {
        match self {
            Self::Everything => true,
            Self::Scope(locked) => locked == scope,
            Self::Person(locked) => requester.has(&IdentityKey::Id(locked.clone())),
        }
    }

    /// Whether `request` falls under a lock of this target, as far as the target alone tells.
    pub fn covers_request(&self, request: &Request) -> bool {
        self.covers(&request.human, &request.terms.scope)
    }
}

impl fmt::Display for LockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Scope(scope) => scope.fmt(f),
            Self::Person(person) => person.fmt(f),
        }
    }
}

/// What the log says of locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum LockEvent {
    /// A lock was set; what it covers ends.
    Locked {
        /// What is locked.
        target: LockTarget,
        /// Every identity of the person who is locked; empty for other targets.
        person: Human,
        /// Why.
        reason: String,
    },
    /// A lock was lifted; nothing comes back by itself.
    Unlocked {
        /// What is free again.
        target: LockTarget,
    },
}

impl LockEvent {
    /// Folds the event into the locks in force, by what they cover.
    pub fn apply(&self, at: Time, actor: &Actor, locks: &mut BTreeMap<LockTarget, Lock>) {
        match self {
            Self::Locked {
                target,
                person,
                reason,
            } => {
                let by = match actor {
                    Actor::Person(id) => id.clone(),
                    // Nobody else locks today; what is locked stays so, no matter who did it.
                    other => UserId::new(other.to_string()),
                };
                let lock = Lock {
                    target: target.clone(),
                    person: person.clone(),
                    by,
                    reason: reason.clone(),
                    at,
                };
                locks.insert(target.clone(), lock);
            }
            Self::Unlocked { target } => drop(locks.remove(target)),
        }
    }
}
