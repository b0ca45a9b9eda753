//! What follows from something is decided, and never written: a fix that was forgotten, each for
//! another event.

use keylend::{
    domain::Event,
    store::{Commit, EntryBody},
};

use super::Mutant;
use crate::store::Database;

/// Events of this kind never happen.
pub(super) struct Skips(pub(super) fn(&Event) -> bool);

impl Mutant for Skips {
    fn writes(&self, database: &Database, commit: &Commit) -> Option<u64> {
        let mut records = commit.changes.iter().flat_map(|change| &change.records);
        let skipped = records
            .any(|record| matches!(&record.body, EntryBody::Request(event) if self.0(event)));
        skipped.then(|| database.tables().head())
    }
}
