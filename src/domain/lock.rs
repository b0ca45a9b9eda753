//! Locks: the red button. What is locked can neither be asked for, approved nor kept.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    Actor, BackendName, Human, IdentityKey, LayerSpec, Request, Scope, ScopeId, Time, UserId,
};

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
    /// When Keylend lifts it; nothing if it stays until somebody does. Until the log says that it is
    /// lifted, it is in force, whatever the time is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

impl Lock {
    /// The lock, set in the place of `before`: it ends no earlier.
    #[must_use]
    pub fn in_place_of(self, before: Option<&Self>) -> Self {
        let until = match before {
            Some(before) => self
                .until
                .zip(before.until)
                .map(|(one, other)| one.max(other)),
            None => self.until,
        };
        Self { until, ..self }
    }

    /// Of those of `locks` that cover `request`, the one that ends last.
    pub fn longest_over(locks: Vec<Self>, request: &Request) -> Option<Self> {
        locks
            .into_iter()
            .filter(|lock| lock.covers_request(request))
            .max_by_key(|lock| lock.until.unwrap_or(Time::MAX_UTC))
    }

    /// Whether Keylend is to lift it.
    pub fn is_over(&self, now: Time) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether a request by `requester` for `scope` falls under the lock.
    pub fn covers(&self, requester: &Human, scope: &Scope) -> bool {
        let target = &self.target;
        target.covers(requester, &scope.id, &scope.layers) || self.person.is(requester)
    }

    /// Whether it is a lock of this person, under any identity of theirs. What they approve counts for
    /// nothing while it is in force.
    pub fn is_of(&self, person: &Human) -> bool {
        let is_named = match &self.target {
            LockTarget::Person(locked) => person.has(&IdentityKey::Id(locked.clone())),
            LockTarget::Everything | LockTarget::Scope(_) | LockTarget::Target(_) => false,
        };
        is_named || self.person.is(person)
    }

    /// Whether `request` falls under the lock.
    pub fn covers_request(&self, request: &Request) -> bool {
        self.target.covers_request(request) || self.person.is(&request.human)
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
    /// One target: every scope with something in it, for everybody.
    Target(BackendName),
}

impl LockTarget {
    /// Whether a request by `requester` for `scope` with these `layers` falls under a lock of this
    /// target. A lock of a person covers their other identities too: see [`Lock::covers`].
    fn covers(&self, requester: &Human, scope: &ScopeId, layers: &[LayerSpec]) -> bool {
        match self {
            Self::Everything => true,
            Self::Scope(locked) => locked == scope,
            Self::Person(locked) => requester.has(&IdentityKey::Id(locked.clone())),
            Self::Target(locked) => layers.iter().any(|layer| layer.backend == *locked),
        }
    }

    /// Whether `request` falls under a lock of this target, as far as the target alone tells.
    pub fn covers_request(&self, request: &Request) -> bool {
        let terms = &request.terms;
        let mut planned = request.layers.iter().map(|layer| &layer.plan.backend);
        self.covers(&request.human, &terms.scope, &terms.layers)
            || matches!(self, Self::Target(locked) if planned.any(|backend| backend == locked))
    }
}

impl fmt::Display for LockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Scope(scope) => scope.fmt(f),
            Self::Person(person) => person.fmt(f),
            Self::Target(target) => target.fmt(f),
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
        /// When Keylend lifts it; nothing if it stays until somebody does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
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
                until,
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
                    until: *until,
                };
                let lock = lock.in_place_of(locks.get(target));
                locks.insert(target.clone(), lock);
            }
            Self::Unlocked { target } => drop(locks.remove(target)),
        }
    }
}
