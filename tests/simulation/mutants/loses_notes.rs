//! Which message shows a new card is now and then not noted. Breaks promise 10: a card is posted
//! once and then kept true; the message that nobody knows of stays as it is.

use keylend::{presentation::Card, store::DocumentWrites};

use super::Mutant;
use crate::store::Database;

pub(super) struct LosesNotes;

impl Mutant for LosesNotes {
    fn documents(&self, _: &Database, writes: DocumentWrites) -> Option<DocumentWrites> {
        let put = writes.put.as_ref();
        let card = put.and_then(|put| Card::read(&put.document));
        let ts = card.and_then(|card| card.ts).unwrap_or_default();
        (!ts.ends_with('7')).then_some(writes)
    }
}
