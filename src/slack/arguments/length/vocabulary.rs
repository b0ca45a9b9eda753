//! What the readers of lengths and of times ask of single words.

use crate::slack::arguments::words::{Word, bare};

/// The most words that are read as one length or time.
pub(in crate::slack) const LONGEST: usize = 12;

/// Words for a day or a part of it.
pub(super) const DAYS: [&str; 20] = [
    "tomorrow",
    "today",
    "tonight",
    "noon",
    "midnight",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "morning",
];

/// The word without what stands around it.
pub(super) fn text(word: &Word) -> &str {
    bare(&word.text)
}

/// Whether a word is one of these, whatever its case.
pub(super) fn is_one_of(word: &Word, texts: &[&str]) -> bool {
    !word.quoted
        && texts
            .iter()
            .any(|known| text(word).eq_ignore_ascii_case(known))
}

/// Whether it begins with a digit, behind a sign if there is one.
pub(super) fn is_number(word: &Word) -> bool {
    let text = text(word).trim_start_matches(['-', '+', '~', '−', '–', '—', '<', '>']);
    !word.quoted && text.starts_with(char::is_numeric)
}
