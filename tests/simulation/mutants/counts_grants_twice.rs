//! What a person holds may have changed since it was counted. Breaks promise 7: it is counted at the
//! moment of granting, also when ten requests race.

use keylend::store::Commit;

use super::Mutant;
use crate::store::Database;

pub(super) struct CountsGrantsTwice;

impl Mutant for CountsGrantsTwice {
    fn commit(&self, database: &Database, mut commit: Commit) -> Commit {
        if let Some(decided_on) = &mut commit.decided_on {
            decided_on.seq = database.tables().head();
        }
        commit
    }
}
