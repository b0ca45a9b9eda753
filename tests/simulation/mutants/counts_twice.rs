//! What a person has may have changed since it was counted. Breaks promise 7: what they hold is counted
//! at the moment of granting, also when ten requests race; or promise 12: so is what they have pending.

use keylend::store::{Change, Commit};

use super::Mutant;
use crate::store::Database;

pub(super) enum CountsTwice {
    Grants,
    Requests,
}

impl Mutant for CountsTwice {
    fn commit(&self, database: &Database, mut commit: Commit) -> Commit {
        let grants = commit.changes.iter().any(Change::grants);
        if let Some(decided_on) = &mut commit.decided_on
            && grants == matches!(self, Self::Grants)
        {
            decided_on.seq = database.tables().head();
        }
        commit
    }
}
