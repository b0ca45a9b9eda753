//! A number and a unit, and sums of them: `1h 30m`, `an hour and a half`.

use super::vocabulary::{LONGEST, text};
use crate::slack::arguments::words::Word;

/// Units and their seconds. A month and a year are those of [`Span`](crate::domain::Span).
pub(super) const UNITS: [(&[&str], u64); 7] = [
    (&["y", "yr", "yrs", "year", "years"], 31_557_600),
    (&["month", "months"], 2_630_016),
    (&["w", "wk", "wks", "week", "weeks"], 604_800),
    (&["d", "day", "days"], 86_400),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["s", "sec", "secs", "second", "seconds"], 1),
];

pub(super) const HOUR: u64 = 3_600;

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

pub(super) fn unit(name: &str) -> Option<u64> {
    let found = UNITS.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, seconds)| *seconds)
}

pub(super) fn number(name: &str) -> Option<u64> {
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

/// The pieces of words.
pub(super) struct Pieces {
    /// Each piece, and whether it is glued to the one before it.
    pieces: Vec<(Piece, bool)>,
    /// How many words have ended before each piece.
    words: Vec<usize>,
    /// How many words there are.
    count: usize,
}

/// How many hundredths one has: lengths have two decimals at most.
const HUNDREDTHS: u64 = 100;

impl Pieces {
    pub(super) fn new(words: &[Word]) -> Self {
        let mut all = Self {
            pieces: Vec::new(),
            words: Vec::new(),
            count: words.len().min(LONGEST),
        };
        for (at, word) in words.iter().take(LONGEST).enumerate() {
            all.split(text(word), at);
            // A comma may stand between the parts of a length.
            if word.text.ends_with(',') && !text(word).is_empty() {
                all.push(Piece::Other(','), true, at);
            }
        }
        all
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
    pub(super) fn length(&self) -> Option<(usize, u64)> {
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
