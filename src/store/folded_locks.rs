//! Folding the locks in force from the entries that tell of no request.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, EntryBody, Origin, RawEntry};
use crate::domain::{Lock, LockEvent, LockTarget};

/// The locks in force by the entries that were folded in.
#[derive(Default, Clone)]
pub(super) struct Locks {
    pub(super) in_force: BTreeMap<LockTarget, Lock>,
    /// What of that was locked by an entry that Keylend did not write, or wrote under another key.
    forged: BTreeSet<LockTarget>,
}

impl Locks {
    /// Those that were in force when they were written down.
    pub(super) fn restored(locks: Vec<Lock>) -> Self {
        let locks = locks.into_iter();
        Self {
            in_force: locks.map(|lock| (lock.target.clone(), lock)).collect(),
            forged: BTreeSet::new(),
        }
    }

    /// Folds an entry in that tells of no request. One that was changed can still lock, but
    /// unlocks nothing. One that Keylend did not write locks what nothing else has locked, and unlocks
    /// only that: so it lifts and narrows no lock, and after `secrets.key` was replaced, what was unlocked
    /// is not locked again.
    pub(super) fn fold(&mut self, raw: &RawEntry) {
        let entry = match Entry::try_from(raw) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(
                    seq = raw.seq, %error,
                    "failed to read an entry about a lock; it locks, but unlocks nothing: run `keylend \
                     audit verify`"
                );
                // Without its reason it still locks.
                match Entry::with_digests(raw) {
                    Ok(entry) => entry,
                    Err(_) => return,
                }
            }
        };
        let EntryBody::Lock(event) = &entry.body else {
            return;
        };
        if matches!(event, LockEvent::Unlocked { .. }) && !raw.has_its_hash() {
            tracing::error!(
                seq = raw.seq,
                "somebody changed the entry of an unlock; the lock stays in force: run `keylend audit verify`"
            );
            return;
        }
        let (LockEvent::Locked { target, .. } | LockEvent::Unlocked { target }) = event;
        let is_forged = raw.origin == Origin::Forged;
        if is_forged && self.in_force.contains_key(target) && !self.forged.contains(target) {
            tracing::error!(
                seq = raw.seq,
                "Keylend did not write an entry of the log: a lock stays as it is"
            );
            return;
        }
        match event {
            LockEvent::Locked { .. } if is_forged => drop(self.forged.insert(target.clone())),
            _ => drop(self.forged.remove(target)),
        }
        event.apply(entry.at, &entry.actor, &mut self.in_force);
    }
}
