//! A lock of a person is kept with the id that was named, and nothing else of who they are. Breaks promise
//! 7: their other ids are granted access under the lock.

use keylend::{
    domain::{Human, LockEvent},
    store::{Commit, EntryBody, LockChange},
};

use super::Mutant;
use crate::store::Database;

pub(super) struct LocksIds;

impl Mutant for LocksIds {
    fn commit(&self, _: &Database, mut commit: Commit) -> Commit {
        if let Some(LockChange::Set(lock, record)) = &mut commit.lock {
            lock.person = Human::default();
            if let EntryBody::Lock(LockEvent::Locked { person, .. }) = &mut record.body {
                *person = Human::default();
            }
        }
        commit
    }
}
