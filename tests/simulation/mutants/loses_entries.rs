//! A commit is not one transaction: now and then the snapshot is there, and the log is not. Breaks
//! promise 5: every change of state is in the log. What follows from the lost entry may show first,
//! as a transition that the log does not allow (promise 6).

use std::sync::atomic::{AtomicU32, Ordering};

use keylend::store::Commit;

use super::Mutant;
use crate::store::Database;

#[derive(Default)]
pub(super) struct LosesEntries {
    commits: AtomicU32,
}

impl Mutant for LosesEntries {
    fn writes(&self, database: &Database, commit: &Commit) -> Option<u64> {
        if self.commits.fetch_add(1, Ordering::Relaxed) % 50 != 49 {
            return None;
        }
        let mut tables = database.tables();
        for change in &commit.changes {
            tables.put(change.after().clone());
        }
        Some(tables.head())
    }
}
