//! Which message shows a new card is now and then not noted. Breaks promise 10: a card is posted
//! once and then kept true; the message that nobody knows of stays as it is.

use keylend::store::Card;

use super::Mutant;

pub(super) struct LosesNotes;

impl Mutant for LosesNotes {
    fn loses_note(&self, card: &Card) -> bool {
        let ts = card.ts.as_deref().unwrap_or_default();
        card.shown.is_some() && ts.ends_with('7')
    }
}
