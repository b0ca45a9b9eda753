//! The time, how long something lasts, and how often the workspace has changed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The longest time that is taken: what lies beyond is a slip of the finger.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A length of time as people write it: `30s`, `27m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = humantime::parse_duration(&text).ok();
        let span = parsed.filter(|span| *span <= LONGEST);
        let wrong = || D::Error::custom(format!("{text:?} is not a time such as 30s, 27m or 2h"));
        span.map(Self).ok_or_else(wrong)
    }
}

/// Seconds since the epoch.
pub(crate) fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_micros() as f64 / 1e6
}

/// How far the clock is to be moved.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    pub(crate) advance: Span,
}

/// What time it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Now {
    pub(crate) now: f64,
}

/// How often the workspace has changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: u64,
}
