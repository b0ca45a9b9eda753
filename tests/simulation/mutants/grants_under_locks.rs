//! A commit may grant what was locked after it was decided. Breaks promise 7: from a lock's commit on
//! nothing that it covers is granted.

use super::Mutant;

pub(super) struct GrantsUnderLocks;

impl Mutant for GrantsUnderLocks {
    fn ignores_locks(&self) -> bool {
        true
    }
}
