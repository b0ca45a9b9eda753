//! Time limits, as the configuration writes them.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::domain::Length;

/// A time limit such as `15s` or `500ms`: more than nothing, at most five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Timeout(Duration);

impl Timeout {
    /// A limit of so many seconds.
    pub(super) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Its length.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// The text is not a time limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time limit: write one such as `15s` or `500ms`, at most `5m`")]
pub struct InvalidTimeout(String);

const LONGEST: Duration = Duration::from_secs(300);

impl JsonSchema for Timeout {
    fn schema_name() -> Cow<'static, str> {
        "Timeout".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": format!("duration, at most `{}`", humantime::format_duration(LONGEST)),
            "type": "string",
            "pattern": Length::PATTERN,
        })
    }
}

impl TryFrom<String> for Timeout {
    type Error = InvalidTimeout;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match humantime::parse_duration(&text) {
            Ok(limit) if !limit.is_zero() && limit <= LONGEST => Ok(Self(limit)),
            _ => Err(InvalidTimeout(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_more_than_nothing_and_at_most_five_minutes() {
        for (text, millis) in [("15s", 15_000), ("500ms", 500), ("5m", 300_000)] {
            let limit = Timeout::try_from(text.to_owned()).unwrap();
            assert_eq!(limit.duration().as_millis(), millis);
        }
        for text in ["", "0s", "15", "6m", "-1s", "never"] {
            assert!(Timeout::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
