//! Times of the day, and ISO 8601's durations.

use chrono::NaiveTime;

use super::{
    sum::HOUR,
    vocabulary::{DAYS, is_number, is_one_of, text},
};
use crate::slack::arguments::words::Word;

/// Time zones that people write in small letters; in capitals any short word may be one.
pub(super) const ZONES: [&str; 8] = ["utc", "gmt", "z", "cet", "cest", "est", "pst", "bst"];

/// A time of the day, with what makes it clear which: `17:00`, `5pm`, `5:30 pm`, `noon`.
pub(super) fn clock(words: &[Word]) -> Option<(usize, NaiveTime)> {
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
pub(super) fn iso(text: &str) -> Option<u64> {
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
