//! The follower goes on without touching what an entry makes old. Breaks promise 10: a card that was
//! true once stays as it was.

use keylend::store::DocumentWrites;

use super::Mutant;
use crate::store::Database;

pub(super) struct TouchesNothing;

impl Mutant for TouchesNothing {
    fn documents(&self, _: &Database, mut writes: DocumentWrites) -> Option<DocumentWrites> {
        if writes.add.is_empty() {
            writes.touch.clear();
        }
        Some(writes)
    }
}
