//! How long something is to last, as people write it: a length of time, or the time of the day at
//! which it ends.
//!
//! What starts like one and is not wholly understood is [`Reading::Unclear`]: nobody gets another
//! duration than the one they meant, and no part of it is dropped.

mod clock;
mod sum;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::fmt;

use chrono::NaiveTime;

use super::words::{Word, words};
use crate::domain::Span;
use clock::{ZONES, clock, iso};
use sum::{Pieces, UNITS, number, unit};
pub(in crate::slack) use vocabulary::LONGEST;
use vocabulary::{DAYS, is_number, is_one_of, text};

/// How long something is to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowLong {
    /// This long.
    For(Span),
    /// Until this time of the day, where the person is.
    Until(NaiveTime),
}

/// What words at an end of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::slack) enum Reading {
    /// How long something is to last.
    Clear(HowLong),
    /// Something like it that can be understood in more ways than one, or in none.
    Unclear,
}

impl fmt::Display for HowLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(span) => span.fmt(f),
            Self::Until(time) => write!(f, "until {}", time.format("%H:%M")),
        }
    }
}

/// Reads all of `text`, if it is how long something is to last and nothing else.
pub(in crate::slack) fn whole(text: &str) -> Option<HowLong> {
    let words = words(text);
    match front(&words) {
        Some((taken, Reading::Clear(how_long))) if taken == words.len() => Some(how_long),
        _ => None,
    }
}

/// What the words begin with, and how many of them it takes; nothing if they begin with something
/// else.
pub(in crate::slack) fn front(words: &[Word]) -> Option<(usize, Reading)> {
    let words = unquoted(words);
    let before = leading(words);
    let (prefix, rest) = words.split_at(before);
    if let Some((taken, how_long)) = clear(rest) {
        let behind = &rest[taken..];
        let is_complete = ends_with_a_comma(&rest[..taken]) || !continues(behind);
        if is_complete {
            return Some((before + taken + trailing(behind), Reading::Clear(how_long)));
        }
    } else if !starts_like(rest) && !prefix.iter().any(is_flag) {
        return None;
    }
    Some((before + extent(rest), Reading::Unclear))
}

/// How long something is to last at the end of the words, and how many of them it takes.
/// [`Reading::Unclear`] if the last words may be meant so, and may be part of a sentence.
pub(in crate::slack) fn back(words: &[Word]) -> Option<(usize, Reading)> {
    let first = words.len().saturating_sub(LONGEST);
    for start in first..words.len() {
        let length = words.len() - start;
        match front(&words[start..]) {
            Some((taken, Reading::Clear(_))) if taken == length => {}
            _ => continue,
        }
        let before = start.checked_sub(1).map(|at| &words[at]);
        let is_part = before.is_some_and(|word| is_number(word) || is_one_of(word, &OF_A_SENTENCE));
        let reading = front(&words[start..]).filter(|_| !is_part);
        return Some(reading.unwrap_or((length, Reading::Unclear)));
    }
    let last = words.last().filter(|word| !word.quoted)?;
    let is_bare_number =
        text(last).len() <= 4 && text(last).bytes().all(|byte| byte.is_ascii_digit());
    if is_bare_number || is_clock(last) || is_odd_length(last) {
        return Some((1, Reading::Unclear));
    }
    let until = (first..words.len()).rfind(|at| is_one_of(&words[*at], &UNTIL))?;
    (extent(&words[until..]) == words.len() - until)
        .then_some((words.len() - until, Reading::Unclear))
}

/// How many words at the front say that access is to start at another time than now: `tomorrow
/// 09:00`, `at 17:00`, `in 2 hours`.
pub(in crate::slack) fn later_start(words: &[Word]) -> Option<usize> {
    let words = unquoted(words);
    let (first, rest) = words.split_first()?;
    let next = rest.first();
    let is_time = next.is_some_and(|word| is_number(word) || is_one_of(word, &DAYS));
    let starts = is_one_of(first, &["tomorrow", "tonight"])
        || (is_one_of(first, &DAYS) && next.is_some_and(|word| is_time || word.is("at")))
        || (is_one_of(first, &STARTS) && is_time)
        || (first.is("next") && next.is_some_and(|word| is_one_of(word, &DAYS) || is_unit(word)));
    if !starts {
        return None;
    }
    let more = rest.iter().take(LONGEST - 1).take_while(|word| {
        is_number(word)
            || is_unit(word)
            || is_one_of(word, &DAYS)
            || is_one_of(word, &["at", "am", "pm"])
    });
    Some(1 + more.count())
}

/// Words for when something ends.
const UNTIL: [&str; 4] = ["until", "untill", "till", "til"];

/// What may stand before a length and changes nothing about it.
const BEFORE: [&str; 8] = [
    "for",
    "about",
    "around",
    "roughly",
    "approximately",
    "please",
    "now",
    "+",
];

/// Names that a length is given under on a command line.
const FLAGS: [&str; 6] = ["d", "duration", "for", "length", "time", "t"];

/// What may stand behind a length and changes nothing about it.
const BEHIND: [&[&str]; 6] = [
    &["please"],
    &["pls"],
    &["plz"],
    &["thanks"],
    &["for", "me"],
    &["for", "myself"],
];

/// What makes of a length behind it a part of a sentence: `since 10m`, `the last 2h`.
const OF_A_SENTENCE: [&str; 16] = [
    "after", "another", "at", "each", "every", "in", "last", "next", "or", "over", "past", "per",
    "since", "than", "to", "within",
];

/// What a start stands behind.
const STARTS: [&str; 10] = [
    "after", "at", "before", "between", "by", "from", "in", "on", "start", "starting",
];

/// What may stand within something like a length, and not at its end.
const BETWEEN: [&str; 15] = [
    "a", "an", "and", "at", "by", "few", "for", "from", "half", "of", "or", "quarter", "to", "-",
    "–",
];

/// How alike a word and a unit have to be, from 0 to 1, to take one for a slip of the other.
const ALIKE: f64 = 0.75;

/// The words up to the first quotation, which is somebody's words whatever they look like.
fn unquoted(words: &[Word]) -> &[Word] {
    let end = words.iter().position(|word| word.quoted);
    &words[..end.unwrap_or(words.len())]
}

/// The words before the length, such as `for`, `about` or `--duration`.
fn leading(words: &[Word]) -> usize {
    let leads = |word: &&Word| is_one_of(word, &BEFORE) || is_flag(word);
    words.iter().take(3).take_while(leads).count()
}

/// What is courtesy behind the length.
fn trailing(words: &[Word]) -> usize {
    let found = BEHIND.iter().find(|courtesy| {
        let theirs = words.get(..courtesy.len());
        theirs.is_some_and(|theirs| {
            let mut both = theirs.iter().zip(**courtesy);
            both.all(|(word, courtesy)| text(word).eq_ignore_ascii_case(courtesy))
        })
    });
    found.map_or(0, |courtesy| {
        courtesy.len() + trailing(&words[courtesy.len()..])
    })
}

/// `--duration`, `-d`, `duration:`, `duration=`.
fn is_flag(word: &Word) -> bool {
    let text = word.text.to_lowercase();
    let name = text.trim_start_matches(['-', '–', '—']);
    let bare_name = name.trim_end_matches([':', '=']);
    bare_name != text && FLAGS.contains(&bare_name)
}

fn ends_with_a_comma(words: &[Word]) -> bool {
    words
        .last()
        .is_some_and(|word| word.text.ends_with([',', ';']))
}

/// Whether what stands behind a length belongs to it: `ago`, `or 1h`, `to 2h`, another length.
fn continues(behind: &[Word]) -> bool {
    let Some((next, rest)) = behind.split_first() else {
        return false;
    };
    let to_a_number = rest.first().is_some_and(is_number);
    is_one_of(next, &["ago", "or", "-", "–", "later", "earlier", "before"])
        || (is_one_of(next, &["to", "and", "&", "+"]) && to_a_number)
        || clear(behind).is_some()
}

/// Whether the words begin like a length or a time.
fn starts_like(words: &[Word]) -> bool {
    let Some(first) = words.first() else {
        return false;
    };
    let counted = [
        "a", "an", "half", "quarter", "few", "couple", "several", "some",
    ];
    let counts = is_one_of(first, &counted) || number(&text(first).to_lowercase()).is_some();
    // “A second look” is no length.
    let is_a_second = is_one_of(first, &["a", "an"])
        && words
            .get(1)
            .and_then(|word| unit(&text(word).to_lowercase()))
            == Some(1);
    is_number(first)
        || is_iso(first)
        || is_one_of(first, &UNTIL)
        || (counts && !is_a_second && words.iter().skip(1).take(3).any(is_unit) && {
            let mut between = words[1..].iter().take_while(|word| !is_unit(word));
            between.all(|word| is_one_of(word, &BETWEEN) || is_one_of(word, &counted))
        })
}

/// How many words, at least one, are of what begins like a length.
fn extent(words: &[Word]) -> usize {
    let belongs = |word: &&Word| {
        is_number(word)
            || is_unit(word)
            || is_iso(word)
            || number(&text(word).to_lowercase()).is_some()
            || [
                &UNTIL[..],
                &DAYS,
                &BETWEEN,
                &ZONES,
                &["am", "pm", "ago", "couple"],
            ]
            .iter()
            .any(|list| is_one_of(word, list))
    };
    let all = words.iter().take(LONGEST).take_while(belongs).count();
    let dangling = words[..all].iter().rev();
    let dangling = dangling
        .take_while(|word| is_one_of(word, &BETWEEN))
        .count();
    (all - dangling).clamp(usize::from(!words.is_empty()), LONGEST)
}

/// A length or an end that is wholly understood, and the words that it takes.
fn clear(words: &[Word]) -> Option<(usize, HowLong)> {
    let first = words.first()?;
    if is_one_of(first, &UNTIL) {
        let (taken, time) = clock(&words[1..])?;
        return Some((1 + taken, HowLong::Until(time)));
    }
    if let Some(seconds) = iso(&text(first).to_uppercase()) {
        return Some((1, HowLong::For(span(seconds)?)));
    }
    let (taken, seconds) = Pieces::new(words).length()?;
    Some((taken, HowLong::For(span(seconds)?)))
}

fn span(seconds: u64) -> Option<Span> {
    u32::try_from(seconds).ok().map(Span::seconds)
}

fn is_iso(word: &Word) -> bool {
    let mut bytes = text(word).bytes().map(|byte| byte.to_ascii_uppercase());
    let is_time = bytes.next() == Some(b'P') && bytes.next() == Some(b'T');
    is_time && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

/// Whether it is a unit, or a slip of one: `mintues`.
fn is_unit(word: &Word) -> bool {
    let word = text(word).to_lowercase();
    let is_slip = |name: &&str| {
        let likeness = strsim::normalized_damerau_levenshtein(&word, name);
        name.len() >= 4 && likeness >= ALIKE
    };
    unit(&word).is_some() || UNITS.iter().any(|(names, _)| names.iter().any(&is_slip))
}

/// `1:30`.
fn is_clock(word: &Word) -> bool {
    text(word).split_once(':').is_some_and(|(hour, minute)| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        (1..=2).contains(&hour.len()) && minute.len() == 2 && digits(hour) && digits(minute)
    })
}

/// A word of a number and a unit that is no length: `-5m`, `1-2h`.
fn is_odd_length(word: &Word) -> bool {
    let text = text(word).to_lowercase();
    let name = text.trim_start_matches(|first: char| !first.is_ascii_alphabetic());
    is_number(word) && unit(name).is_some()
}
