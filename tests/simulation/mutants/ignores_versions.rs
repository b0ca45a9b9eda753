//! A change is committed on whatever version and last entry the request has by now. Breaks promise 6: of two
//! decisions on one state one is refused; any other promise may be the first to show it.

use keylend::store::{Change, Commit};

use super::Mutant;
use crate::store::Database;

pub(super) struct IgnoresVersions;

impl Mutant for IgnoresVersions {
    fn commit(&self, database: &Database, mut commit: Commit) -> Commit {
        let tables = database.tables();
        for change in &mut commit.changes {
            if let (Some(_), Some(now)) = (change.before(), tables.request(change.after().id)) {
                *change = Change::of(now.clone(), change.events().to_vec());
            }
        }
        commit
    }
}
