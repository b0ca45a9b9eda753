//! What follows from something is decided, and never written: a fix that was forgotten, each for
//! another event.

use keylend::{
    domain::Event,
    store::{Change, Commit},
};

use super::Mutant;
use crate::store::Database;

/// Events of this kind never happen.
pub(super) struct Skips(pub(super) fn(&Event) -> bool);

impl Mutant for Skips {
    fn writes(&self, database: &Database, commit: &Commit) -> Option<u64> {
        let mut events = commit.changes.iter().flat_map(Change::events);
        let skipped = events.any(|occurred| self.0(&occurred.event));
        skipped.then(|| database.tables().head())
    }
}
