//! The locks that the log says are in force, whatever the table of locks says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Comparisons, Entry, EntryBody, Origin, RawEntry, Rows, Store, StoreError};
use crate::domain::{Lock, LockTarget};

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
