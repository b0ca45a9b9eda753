//! What the log said up to the last entry of the chain that was verified: which requests are open, how
//! many entries each has, and which locks are in force.
//!
//! Entries have authentication codes, so nobody can add one. But whoever can write to the tables can
//! delete some, or hide them for a moment, and those who read the entries of one request believe the
//! shorter log. So what they read is compared with this.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{RawEntry, folded_locks::Locks};
use crate::domain::{Lock, RequestId};

/// What one replica has verified of the log. [`LoggedPeople`](super::LoggedPeople) moves it on.
#[derive(Default)]
pub struct Verified(Mutex<Known>);

#[derive(Default)]
struct Known {
    seq: u64,
    /// The requests that are open, or can be open again.
    requests: BTreeMap<RequestId, Extent>,
    locks: Locks,
}

/// The entries about one request: its last one's number, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    pub(super) last_seq: u64,
    pub(super) entries: u64,
}

/// What the entries of one request have to have at least.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// The last entry that was verified.
    pub(super) seq: u64,
    pub(super) extent: Option<Extent>,
}

impl Verified {
    /// What the entries of a request have to have that are read from now on.
    pub fn expected(&self, id: RequestId) -> Expected {
        self.with(|known| Expected {
            seq: known.seq,
            extent: known.requests.get(&id).copied(),
        })
    }

    /// The last entry that was verified, and the locks in force then.
    pub(super) fn locks(&self) -> (u64, Locks) {
        self.with(|known| (known.seq, known.locks.clone()))
    }

    /// Moves on to the next entry of the chain. `is_open` says whether the request that it tells of is
    /// open, or can be open again.
    pub(super) fn follow(&self, raw: &RawEntry, request: Option<(RequestId, bool)>) {
        self.with(|known| {
            known.seq = raw.seq;
            match request {
                None => known.locks.fold(raw),
                Some((id, false)) => drop(known.requests.remove(&id)),
                Some((id, true)) => {
                    let extent = known.requests.entry(id).or_insert(Extent {
                        last_seq: 0,
                        entries: 0,
                    });
                    extent.last_seq = raw.seq;
                    extent.entries += 1;
                }
            }
        });
    }

    /// What it knows, to write it down: the extents of the open requests, and the locks.
    pub(super) fn to_keep(&self) -> (BTreeMap<RequestId, Extent>, Vec<Lock>) {
        self.with(|known| {
            (
                known.requests.clone(),
                known.locks.in_force.values().cloned().collect(),
            )
        })
    }

    /// Takes on what was written down up to this entry.
    pub(super) fn restore(
        &self,
        seq: u64,
        requests: BTreeMap<RequestId, Extent>,
        locks: Vec<Lock>,
    ) {
        let restored = Known {
            seq,
            requests,
            locks: Locks::restored(locks),
        };
        self.with(|known| *known = restored);
    }

    fn with<T>(&self, then: impl FnOnce(&mut Known) -> T) -> T {
        then(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Expected {
    /// Whether a request whose last entry has this number, and which was compared with the log up to there,
    /// needs no other look.
    pub(super) fn allows(&self, last_seq: u64) -> bool {
        match self.extent {
            Some(extent) => last_seq >= extent.last_seq,
            None => last_seq > self.seq,
        }
    }
}
