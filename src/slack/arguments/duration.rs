//! Durations as people write them, in one word or in several.

use super::words::{Word, bare};
use crate::domain::Span;

/// The most words that a duration is written in: years, months, days, hours, minutes and seconds.
pub(in crate::slack) const LONGEST: usize = 6;

/// From which end of a run of words something is read.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::slack) enum End {
    Front,
    Back,
}

/// A duration at the start of a line of words, and what stands behind it.
pub(in crate::slack) fn leading(words: &[Word]) -> Option<(Span, &[Word])> {
    let words = match words {
        [first, rest @ ..] if first.is("for") => rest,
        words => words,
    };
    let (length, span) = at(words, End::Front)?;
    Some((span, &words[length..]))
}

/// The longest duration at an end of the words, and how many of them it takes.
pub(in crate::slack) fn at(words: &[Word], end: End) -> Option<(usize, Span)> {
    let longest = words.len().min(LONGEST);
    (1..=longest).rev().find_map(|length| {
        let words = match end {
            End::Front => &words[..length],
            End::Back => &words[words.len() - length..],
        };
        if words.iter().any(|word| word.quoted) {
            return None;
        }
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        // `M` is a month to humantime, and a minute to a phone that capitalises.
        let text = bare(&texts.join(" ")).to_lowercase();
        let is_number = text.starts_with(|first: char| first.is_ascii_digit());
        let span = is_number.then(|| text.parse().ok()).flatten()?;
        Some((length, span))
    })
}
