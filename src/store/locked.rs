//! The locks that the log says are in force, whatever the table of locks says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Comparisons, Entry, EntryBody, Origin, RawEntry, Rows, Store, StoreError};
use crate::domain::{Lock, LockEvent, LockTarget};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The locks that the log says are in force. Each time, what is behind the verified part of the log is
/// read, wherever somebody has put an entry for a moment.
#[derive(Default)]
pub struct LoggedLocks {
    comparisons: Arc<Comparisons>,
    behind: Mutex<Behind>,
}

/// What was read behind the verified part of the log.
#[derive(Default)]
struct Behind {
    /// What Keylend wrote, by number and hash: it counts although somebody deletes it.
    entries: BTreeMap<(u64, String), RawEntry>,
    /// The locks in force when it was read last.
    in_force: BTreeMap<LockTarget, Lock>,
}

#[derive(Default, Clone)]
pub(super) struct Locks {
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
    /// They are read behind what these have verified.
    pub fn new(comparisons: Arc<Comparisons>) -> Self {
        let behind = Mutex::default();
        Self {
            comparisons,
            behind,
        }
    }

    /// The locks in force by the log alone, as it is now.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn read(&self, store: &dyn Store) -> Result<BTreeMap<LockTarget, Lock>, StoreError> {
        let (verified, mut locks) = self.comparisons.verified().locks();
        let (mut read, mut found) = (verified, Vec::new());
        loop {
            let page = store.entries_of(None, read, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            read = page.last().map_or(read, |raw| raw.seq);
            found.extend(page);
            if is_last {
                break;
            }
        }
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.entries.retain(|(seq, _), _| *seq > verified);
        let (forged, written): (Vec<RawEntry>, Vec<RawEntry>) = found
            .into_iter()
            .partition(|raw| raw.origin == Origin::Forged);
        let keyed = |raw: RawEntry| ((raw.seq, raw.hash.clone()), raw);
        behind.entries.extend(written.into_iter().map(keyed));
        let mut entries: Vec<&RawEntry> = behind.entries.values().chain(&forged).collect();
        entries.sort_by_key(|raw| raw.seq);
        for raw in entries {
            locks.fold(raw);
        }
        behind.in_force.clone_from(&locks.in_force);
        Ok(locks.in_force)
    }

    /// The locks in force when the log was read last.
    pub fn known(&self) -> BTreeMap<LockTarget, Lock> {
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.in_force.clone()
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
    /// Those that were in force when they were written down.
    pub(super) fn restored(locks: Vec<Lock>) -> Self {
        let locks = locks.into_iter();
        Self {
            in_force: locks.map(|lock| (lock.target.clone(), lock)).collect(),
            forged: BTreeSet::new(),
        }
    }

    /// The locks in force.
    pub(super) fn in_force(&self) -> Vec<Lock> {
        self.in_force.values().cloned().collect()
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
