//! How long something is to last, as people write it: a length of time, or the time of the day at
//! which it ends.
//!
//! What starts like one and is not wholly understood is [`Reading::Unclear`]: nobody gets another
//! duration than the one they meant, and no part of it is dropped.

use std::fmt;

use chrono::NaiveTime;

use super::words::{Word, bare, words};
use crate::domain::Span;

/// The most words that are read as one length or time.
pub(in crate::slack) const LONGEST: usize = 12;

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

const DAYS: [&str; 20] = [
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

/// What may stand within something like a length, and not at its end.
const BETWEEN: [&str; 15] = [
    "a", "an", "and", "at", "by", "few", "for", "from", "half", "of", "or", "quarter", "to", "-",
    "–",
];

/// Time zones that people write in small letters; in capitals any short word may be one.
const ZONES: [&str; 8] = ["utc", "gmt", "z", "cet", "cest", "est", "pst", "bst"];

/// Units and their seconds. A month and a year are those of [`Span`].
const UNITS: [(&[&str], u64); 7] = [
    (&["y", "yr", "yrs", "year", "years"], 31_557_600),
    (&["month", "months"], 2_630_016),
    (&["w", "wk", "wks", "week", "weeks"], 604_800),
    (&["d", "day", "days"], 86_400),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["s", "sec", "secs", "second", "seconds"], 1),
];

const HOUR: u64 = 3_600;

/// How alike a word and a unit have to be, from 0 to 1, to take one for a slip of the other.
const ALIKE: f64 = 0.75;

/// Numbers in words.
const NUMBERS: [(&str, u64); 19] = [
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
];

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
    let (taken, seconds) = Tokens::new(words).length()?;
    Some((taken, HowLong::For(span(seconds)?)))
}

fn span(seconds: u64) -> Option<Span> {
    u32::try_from(seconds).ok().map(Span::seconds)
}

/// A time of the day, with what makes it clear which: `17:00`, `5pm`, `5:30 pm`, `noon`.
fn clock(words: &[Word]) -> Option<(usize, NaiveTime)> {
    let first = text(words.first()?).to_lowercase();
    let half_of_day = |text: &str| matches!(text, "am" | "pm").then(|| text.to_owned());
    let glued = first.strip_suffix("am").or(first.strip_suffix("pm"));
    let spaced = words
        .get(1)
        .and_then(|word| half_of_day(&text(word).to_lowercase()));
    let (digits, half, taken) = match (glued, spaced) {
        (Some(digits), _) => (digits, half_of_day(&first[digits.len()..]), 1),
        (None, Some(half)) => (first.as_str(), Some(half), 2),
        (None, None) => (first.as_str(), None, 1),
    };
    let time = match (digits, &half) {
        ("noon", None) => NaiveTime::from_hms_opt(12, 0, 0),
        ("midnight", None) => NaiveTime::from_hms_opt(0, 0, 0),
        _ => time_of_day(digits, half.as_deref()),
    }?;
    let behind = &words[taken..];
    let taken = taken + usize::from(behind.first().is_some_and(|word| word.is("today")));
    let is_of_another_day_or_zone = words.get(taken).is_some_and(|word| {
        let text = text(word);
        let is_short = (2..=5).contains(&text.len());
        is_one_of(word, &DAYS)
            || is_one_of(word, &ZONES)
            || is_one_of(word, &["on", "next", "or", "o'clock"])
            || is_number(word)
            || (is_short && text.bytes().all(|byte| byte.is_ascii_uppercase()))
    });
    (!is_of_another_day_or_zone).then_some((taken, time))
}

/// `17:00` on a clock of 24 hours; `5` or `5:30` on one of twelve, with its half of the day.
fn time_of_day(digits: &str, half: Option<&str>) -> Option<NaiveTime> {
    let (hour, minute) = match (digits.split_once(':'), half) {
        (Some((hour, minute)), _) if minute.len() == 2 => (hour, minute),
        (None, Some(_)) => (digits, "00"),
        _ => return None,
    };
    let number = |text: &str| {
        let is_plain = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(half) => hour % 12 + if half == "pm" { 12 } else { 0 },
    };
    NaiveTime::from_hms_opt(hour, minute, 0)
}

/// The seconds of an ISO 8601 duration without years and months, whose length varies.
fn iso(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('P')?;
    let mut seconds = 0_u64;
    let mut units: &[(char, u64)] = &[('W', 604_800), ('D', 86_400)];
    let mut parts = 0;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            units = &[('H', HOUR), ('M', 60), ('S', 1)];
            rest = time;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().ok()?;
        let name = rest[digits..].chars().next()?;
        let at = units.iter().position(|(unit, _)| *unit == name)?;
        seconds = seconds.checked_add(count.checked_mul(units[at].1)?)?;
        units = &units[at + 1..];
        rest = &rest[digits + 1..];
        parts += 1;
    }
    (parts > 0).then_some(seconds)
}

fn is_iso(word: &Word) -> bool {
    let mut bytes = text(word).bytes().map(|byte| byte.to_ascii_uppercase());
    let is_time = bytes.next() == Some(b'P') && bytes.next() == Some(b'T');
    is_time && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

/// The word without what stands around it.
fn text(word: &Word) -> &str {
    bare(&word.text)
}

fn is_one_of(word: &Word, texts: &[&str]) -> bool {
    !word.quoted
        && texts
            .iter()
            .any(|known| text(word).eq_ignore_ascii_case(known))
}

/// Whether it begins with a digit, behind a sign if there is one.
fn is_number(word: &Word) -> bool {
    let text = text(word).trim_start_matches(['-', '+', '~', '−', '–', '—', '<', '>']);
    !word.quoted && text.starts_with(char::is_numeric)
}

/// Whether it is a unit, or a slip of one: `mintues`.
fn is_unit(word: &Word) -> bool {
    let word = text(word).to_lowercase();
    let is_slip = |name: &&str| {
        let likeness = strsim::normalized_damerau_levenshtein(&word, name);
        name.len() >= 4 && likeness >= ALIKE
    };
    unit(&word).is_some()
        || UNITS
            .iter()
            .any(|(names, _)| names.iter().any(|name| is_slip(name)))
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

fn unit(name: &str) -> Option<u64> {
    let found = UNITS.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, seconds)| *seconds)
}

fn number(name: &str) -> Option<u64> {
    let found = NUMBERS.iter().find(|(known, _)| *known == name);
    found.map(|(_, number)| *number)
}

/// One piece of a word.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// Digits, with one point or comma between them.
    Number(String),
    /// Letters, as small ones.
    Letters(String),
    /// Anything else.
    Other(char),
}

/// The pieces of words. Each knows whether it is glued to the one before it.
struct Tokens {
    pieces: Vec<(Piece, bool)>,
    /// How many words have ended before each piece.
    words: Vec<usize>,
    /// How many words there are, and whether more stand behind them.
    count: usize,
}

/// How many hundredths one has: lengths have two decimals at most.
const HUNDREDTHS: u64 = 100;

impl Tokens {
    fn new(words: &[Word]) -> Self {
        let mut tokens = Self {
            pieces: Vec::new(),
            words: Vec::new(),
            count: words.len().min(LONGEST),
        };
        for (at, word) in words.iter().take(LONGEST).enumerate() {
            tokens.split(text(word), at);
            // A comma may stand between the parts of a length.
            if word.text.ends_with(',') && !text(word).is_empty() {
                tokens.push(Piece::Other(','), true, at);
            }
        }
        tokens
    }

    fn push(&mut self, piece: Piece, is_glued: bool, word: usize) {
        self.pieces.push((piece, is_glued));
        self.words.push(word);
    }

    fn split(&mut self, word: &str, at: usize) {
        let mut rest = word.strip_prefix('+').unwrap_or(word);
        let mut is_glued = false;
        while let Some(first) = rest.chars().next() {
            let of =
                |is: fn(char) -> bool| rest.find(|character| !is(character)).unwrap_or(rest.len());
            let (length, piece) = if first.is_ascii_digit() {
                let length = of(|digit| digit.is_ascii_digit() || digit == '.' || digit == ',');
                (length, Piece::Number(rest[..length].replace(',', ".")))
            } else if first.is_alphabetic() {
                let length = of(char::is_alphabetic);
                (length, Piece::Letters(rest[..length].to_lowercase()))
            } else {
                (first.len_utf8(), Piece::Other(first))
            };
            self.push(piece, is_glued, at);
            is_glued = true;
            rest = &rest[length..];
        }
    }

    fn letters(&self, at: usize) -> Option<&str> {
        match self.pieces.get(at) {
            Some((Piece::Letters(letters), _)) => Some(letters),
            _ => None,
        }
    }

    fn is(&self, at: usize, letters: &str) -> bool {
        self.letters(at) == Some(letters)
    }

    /// How many words are taken up to the piece; nothing if that is within a word. A comma behind
    /// the last one belongs to it.
    fn boundary(&self, at: usize) -> Option<usize> {
        let is_comma = |piece: &(Piece, bool)| piece.0 == Piece::Other(',');
        let at = at + usize::from(self.pieces.get(at).is_some_and(is_comma));
        match self.pieces.get(at) {
            None => Some(self.count),
            Some((_, false)) => Some(self.words[at]),
            Some(_) => None,
        }
    }

    /// The words that a length at the front takes, and its seconds.
    fn length(&self) -> Option<(usize, u64)> {
        let (mut at, mut total, mut smallest) = (0, 0_u64, u64::MAX);
        let mut end = None;
        loop {
            let start = match end {
                None => at,
                Some(_) => self.behind_a_separator(at),
            };
            let Some((behind, hundredths, unit)) = self.part(start) else {
                break;
            };
            if unit >= smallest {
                // `30m 1h`, `5m 5m`: either may be meant.
                return None;
            }
            let seconds = hundredths.checked_mul(unit)?;
            if seconds % HUNDREDTHS != 0 {
                return None;
            }
            total = total.checked_add(seconds / HUNDREDTHS)?;
            (at, smallest, end) = (behind, unit, Some(behind));
        }
        let mut end = end?;
        if smallest == HOUR
            && let Some((minutes, is_glued)) = self.minutes(end)
        {
            // `1h 30 hosts are down` may mean either.
            let is_last = self.letters(end + 1).is_none();
            if !is_glued && !is_last {
                return None;
            }
            total = total.checked_add(minutes * 60)?;
            end += 1;
        }
        Some((self.boundary(end)?, total))
    }

    /// Behind `and` or a comma between two parts.
    fn behind_a_separator(&self, at: usize) -> usize {
        let is_comma = matches!(self.pieces.get(at), Some((Piece::Other(',' | '&'), _)));
        let at = at + usize::from(is_comma);
        at + usize::from(self.is(at, "and"))
    }

    /// Minutes without a unit, behind hours.
    fn minutes(&self, at: usize) -> Option<(u64, bool)> {
        let (Piece::Number(digits), is_glued) = self.pieces.get(at)? else {
            return None;
        };
        let minutes: u64 = digits.parse().ok().filter(|minutes| *minutes < 60)?;
        (digits.len() <= 2).then_some((minutes, *is_glued))
    }

    /// A number and its unit: where it ends, how many hundredths of the unit, and the unit's
    /// seconds.
    fn part(&self, at: usize) -> Option<(usize, u64, u64)> {
        let (mut at, mut hundredths) = self.amount(at)?;
        let is_half =
            |at: usize| self.is(at, "and") && self.is(at + 1, "a") && self.is(at + 2, "half");
        if is_half(at) {
            (at, hundredths) = (at + 3, hundredths + HUNDREDTHS / 2);
        }
        let unit = unit(self.letters(at)?)?;
        at += 1;
        if is_half(at) {
            (at, hundredths) = (at + 3, hundredths + HUNDREDTHS / 2);
        }
        Some((at, hundredths, unit))
    }

    /// A number in digits or words: where it ends, and its hundredths.
    fn amount(&self, at: usize) -> Option<(usize, u64)> {
        match &self.pieces.get(at)?.0 {
            Piece::Number(digits) => Some((at + 1, hundredths(digits)?)),
            Piece::Letters(word) => self.amount_in_words(at, word),
            Piece::Other(_) => None,
        }
    }

    fn amount_in_words(&self, at: usize, word: &str) -> Option<(usize, u64)> {
        let article = |at: usize| usize::from(self.is(at, "a") || self.is(at, "an"));
        match word {
            "half" => Some((at + 1 + article(at + 1), HUNDREDTHS / 2)),
            "quarter" => {
                let of = at + 1 + usize::from(self.is(at + 1, "of"));
                Some((of + article(of), HUNDREDTHS / 4))
            }
            "a" if self.is(at + 1, "half") || self.is(at + 1, "quarter") => {
                self.amount_in_words(at + 1, self.letters(at + 1)?)
            }
            // “A second look” is no length.
            "a" | "an" => {
                let unit = self.letters(at + 1).and_then(unit)?;
                (unit > 1).then_some((at + 1, HUNDREDTHS))
            }
            _ => {
                let tens = number(word)?;
                let is_dash = matches!(self.pieces.get(at + 1), Some((Piece::Other('-'), true)));
                let ones = self.letters(at + 2).and_then(number);
                match ones.filter(|ones| is_dash && tens % 10 == 0 && *ones < 10) {
                    Some(ones) => Some((at + 3, (tens + ones) * HUNDREDTHS)),
                    None => Some((at + 1, tens * HUNDREDTHS)),
                }
            }
        }
    }
}

/// The hundredths of a number in digits: `1.5` has 150. A third decimal may as well be thousands.
fn hundredths(digits: &str) -> Option<u64> {
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    if !(1..=2).contains(&decimals.len()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = decimals.parse().ok()?;
    let part = if decimals.len() == 1 { part * 10 } else { part };
    whole.checked_mul(HUNDREDTHS)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(usize, Reading)> {
        front(&words(text))
    }

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("30m", 1800),
            ("30 m", 1800),
            ("30M", 1800),
            ("30 Min.", 1800),
            ("90m", 5400),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("1H30", 5400),
            ("1h 30", 5400),
            ("1 hour 30", 5400),
            ("1,5h", 5400),
            ("1.5 hours", 5400),
            ("1.25h", 4500),
            ("0.5h", 1800),
            ("1 hour 30 minutes", 5400),
            ("1 hour and 30 minutes", 5400),
            ("1 hour, 30 minutes", 5400),
            ("1 hour, and 30 minutes", 5400),
            ("half an hour", 1800),
            ("Half hour", 1800),
            ("a half hour", 1800),
            ("an hour", 3600),
            ("an hour and a half", 5400),
            ("one and a half hours", 5400),
            ("1 and a half hours", 5400),
            ("two hours", 7200),
            ("forty-five minutes", 2700),
            ("a quarter of an hour", 900),
            ("a day", 86_400),
            ("PT1H", 3600),
            ("pt1h30m", 5400),
            ("P1DT2H", 93_600),
            ("for 1h", 3600),
            ("for about an hour", 3600),
            ("--duration 30m", 1800),
            ("—duration 30m", 1800),
            ("-d 30m", 1800),
            ("duration: 30m", 1800),
            ("+30m", 1800),
            ("2h please", 7200),
            ("30m for me, please", 1800),
            ("`30m`", 1800),
            ("1week 2days 3h 4m 5s", 788_645),
        ] {
            let expected = Some(HowLong::For(Span::seconds(seconds)));
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn an_end_is_a_time_of_the_day() {
        for (text, hour, minute) in [
            ("until 17:00", 17, 0),
            ("till 9:30", 9, 30),
            ("Until 5pm", 17, 0),
            ("until 5:30 PM", 17, 30),
            ("until 12am", 0, 0),
            ("until 12pm", 12, 0),
            ("until noon", 12, 0),
            ("until midnight", 0, 0),
            ("until 17:00 today", 17, 0),
            ("until 17:00, please", 17, 0),
        ] {
            let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
            assert_eq!(whole(text), Some(HowLong::Until(time)), "{text}");
        }
    }

    #[test]
    fn what_begins_like_a_length_or_a_time_and_is_not_understood_is_unclear() {
        for (text, taken) in [
            ("60", 1),
            ("60 writes are failing", 1),
            ("1:30", 1),
            ("1.5", 1),
            ("-5m", 1),
            ("~30m", 1),
            ("1-2h", 1),
            ("30m-1h", 1),
            ("30m - 1h", 3),
            ("30m or 1h", 3),
            ("30m to 1h", 3),
            ("30m 1h", 2),
            ("2 30 min", 3),
            ("1h 30 hosts are down", 2),
            ("1h and 30 hosts", 3),
            ("30 mintues", 2),
            ("30mim", 1),
            ("1,500m", 1),
            ("1.333h", 1),
            ("½h", 1),
            ("99999999999h", 1),
            ("10m ago it broke", 2),
            ("PT1.5H", 1),
            ("a few hours", 3),
            ("couple of hours", 3),
            ("until 17", 2),
            ("until 25:00", 2),
            ("until tomorrow", 2),
            ("until tomorrow 09:00", 3),
            ("until 17:00 UTC", 3),
            ("until 17:00 tomorrow", 3),
            ("until it works", 1),
            ("--duration soon", 2),
        ] {
            assert_eq!(read(text), Some((taken, Reading::Unclear)), "{text}");
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn a_sentence_is_neither() {
        for text in [
            "",
            "writes are failing",
            "a host is down",
            "a second look",
            "half the hosts",
            "one of the hosts is down for an hour",
            "P1 incident",
            "\"30m\"",
            "untilted",
            "for the hosts",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_length_ends_where_the_sentence_goes_on() {
        for (text, taken, minutes) in [
            ("2 hours, then 5m more", 2, 120),
            ("2 hours, 3 hosts are down", 2, 120),
            ("30m to restart it", 1, 30),
            ("30m down since 10m ago", 1, 30),
            ("30m 3 hosts are down", 1, 30),
            ("2h please hurry", 2, 120),
        ] {
            let expected = Reading::Clear(HowLong::For(Span::minutes(minutes)));
            assert_eq!(read(text), Some((taken, expected)), "{text}");
        }
    }

    #[test]
    fn a_length_at_the_end_of_a_sentence_is_one_unless_the_sentence_needs_it() {
        let read = |text: &str| back(&words(text));
        let clear = |minutes| Reading::Clear(HowLong::For(Span::minutes(minutes)));
        for (text, expected) in [
            ("writes are failing for 30m", Some((2, clear(30)))),
            ("writes are failing 1 hour 30 minutes", Some((4, clear(90)))),
            ("it is down since 30m", Some((1, Reading::Unclear))),
            ("the last 2 hours", Some((2, Reading::Unclear))),
            ("see 5 30m", Some((1, Reading::Unclear))),
            ("writes are failing 60", Some((1, Reading::Unclear))),
            ("broke at 10:30", Some((1, Reading::Unclear))),
            ("writes are failing -5m", Some((1, Reading::Unclear))),
            ("open until tomorrow", Some((2, Reading::Unclear))),
            ("down since 10m ago", None),
            ("see host 10.0.0.1", None),
            ("order 4711234", None),
            ("until it works", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_later_start_is_told_from_a_sentence() {
        let read = |text: &str| later_start(&words(text));
        for (text, taken) in [
            ("tomorrow 09:00 for 1h", 2),
            ("tomorrow at 9 am", 4),
            ("at 17:00", 2),
            ("from 17:00", 2),
            ("in 2 hours", 3),
            ("monday 9am", 2),
            ("next week", 2),
        ] {
            assert_eq!(read(text), Some(taken), "{text}");
        }
        for text in [
            "at the moment",
            "in production",
            "sun is up",
            "from backups",
            "today",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_of_a_length_is_read_as_that_length(seconds: u32) {
            let how_long = HowLong::For(Span::seconds(seconds));
            prop_assert_eq!(whole(&how_long.to_string()), Some(how_long));
        }

        #[test]
        fn no_words_take_more_than_there_are(text in "[0-9:.,½ amphourtilPTH-]{0,40}") {
            let words = words(&text);
            for read in [front(&words), back(&words)] {
                prop_assert!(read.is_none_or(|(taken, _)| (1..=words.len()).contains(&taken)));
            }
        }
    }
}
