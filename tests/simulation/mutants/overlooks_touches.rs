//! What was touched while it was on its way rests all the same. Breaks promise 10: it shows what was
//! before.

use keylend::store::DocumentWrites;

use super::Mutant;
use crate::store::Database;

pub(super) struct OverlooksTouches;

impl Mutant for OverlooksTouches {
    fn documents(&self, database: &Database, mut writes: DocumentWrites) -> Option<DocumentWrites> {
        if let Some(put) = &mut writes.put {
            let (collection, key) = (&put.document.collection, &put.document.key);
            let current = database.tables().version(collection, key);
            put.document.version = current;
        }
        Some(writes)
    }
}
