//! The locks that the log says are in force, whatever the table of locks says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use super::{Entry, EntryBody, Origin, RawEntry, Rows, Store, StoreError};
use crate::domain::{Lock, LockEvent, LockTarget};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The locks that the log says are in force. Only what is new is read each time.
#[derive(Default)]
pub struct LoggedLocks(Mutex<Locks>);

#[derive(Default, Clone)]
struct Locks {
    /// The last entry without a request that was read.
    read: u64,
    in_force: BTreeMap<LockTarget, Lock>,
    /// What of that was locked by an entry that Keylend did not write, or wrote under another key.
    forged: BTreeSet<LockTarget>,
}

/// The locks in the table, and those of the log that the table does not have like that.
pub fn locks_in_force(table: Vec<Lock>, logged: BTreeMap<LockTarget, Lock>) -> Vec<Lock> {
    let missing: Vec<Lock> = logged
        .into_values()
        .filter(|lock| !table.contains(lock))
        .collect();
    table.into_iter().chain(missing).collect()
}

impl LoggedLocks {
    /// The locks in force by the log alone, as it is now.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn read(&self, store: &dyn Store) -> Result<BTreeMap<LockTarget, Lock>, StoreError> {
        let mut locks = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let before = locks.read;
        loop {
            let page = store.entries_of(None, locks.read, PAGE).await?;
            for raw in &page {
                locks.fold(raw);
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        if locks.read > before {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.read < locks.read {
                known.clone_from(&locks);
            }
        }
        Ok(locks.in_force)
    }

    /// The locks in force when the log was read last.
    pub fn known(&self) -> BTreeMap<LockTarget, Lock> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.in_force.clone()
    }
}

/// The locks in force by all entries that tell of no request, each of which has to be understood.
#[derive(Debug, Default)]
pub struct LocksInForce(BTreeMap<LockTarget, Lock>);

impl LocksInForce {
    /// Notes an entry that tells of no request.
    ///
    /// # Errors
    ///
    /// If it is not understood.
    pub fn note(&mut self, raw: &RawEntry) -> Result<(), serde_json::Error> {
        let entry = Entry::try_from(raw)?;
        if let EntryBody::Lock(event) = &entry.body {
            event.apply(entry.at, &entry.actor, &mut self.0);
        }
        Ok(())
    }

    /// The rows of `locks`.
    pub fn rows(&self) -> Vec<Vec<serde_json::Value>> {
        self.0.values().map(Rows::lock).collect()
    }
}

impl Locks {
    /// Folds an entry in that tells of no request. One that was changed can still lock, but
    /// unlocks nothing. One that Keylend did not write locks what nothing else has locked, and unlocks
    /// only that: so it lifts and narrows no lock, and after `secrets.key` was replaced, what was unlocked
    /// is not locked again.
    fn fold(&mut self, raw: &RawEntry) {
        self.read = raw.seq;
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
