//! Nobody lifts a lock when its time is over. Breaks promise 6: what has an end comes to it.

use keylend::store::{Commit, LockChange};

use super::Mutant;
use crate::store::Database;

pub(super) struct KeepsLocks;

impl Mutant for KeepsLocks {
    fn writes(&self, database: &Database, commit: &Commit) -> Option<u64> {
        let is_over = matches!(commit.lock, Some(LockChange::LiftOver(..)));
        is_over.then(|| database.tables().head())
    }
}
