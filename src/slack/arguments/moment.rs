//! A moment as people write it: a time of the day, with its day or without.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// A time of the day where the person is, with its day if they wrote one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The day; nothing if they wrote none.
    pub day: Option<NaiveDate>,
    /// The time of the day, to the minute.
    pub time: NaiveTime,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(day) = self.day {
            write!(f, "{day} ")?;
        }
        write!(f, "{}", self.time.format("%H:%M"))
    }
}

/// Reads `22:00`, `2026-12-01 22:00` or `2026-12-01T22:00`, if that is all of `text`.
pub(in crate::slack) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let dated = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    Some(match dated {
        Some(dated) => Moment {
            day: Some(dated.date()),
            time: dated.time(),
        },
        None => Moment {
            day: None,
            time: NaiveTime::parse_from_str(text, "%H:%M").ok()?,
        },
    })
}
