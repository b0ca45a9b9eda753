//! Lengths of time as people write and read them.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use chrono::TimeDelta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Time;

/// A length of time in whole seconds. Read and written as `90m` or `1h 30m`; seconds in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u32);

impl Span {
    /// A span of so many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// A span of so many minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes * 60)
    }

    /// The whole seconds from one moment to another; none if that is not later.
    pub fn between(from: Time, to: Time) -> Self {
        let seconds = (to - from).num_seconds().max(0);
        Self(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// Both together; the longest that there is, if that would be longer.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }

    /// Its length in seconds.
    pub const fn as_seconds(self) -> u32 {
        self.0
    }

    /// The moment this long after `start`.
    pub fn after(self, start: Time) -> Time {
        start + Duration::from_secs(self.0.into())
    }

    /// The moment this long before `end`; the earliest that there is, if that would be before it.
    pub fn before(self, end: Time) -> Time {
        end.checked_sub_signed(TimeDelta::seconds(self.0.into()))
            .unwrap_or(Time::MIN_UTC)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(Duration::from_secs(self.0.into())).fmt(f)
    }
}

/// The text is not a duration such as `30m`, or is longer than a century.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration such as `30m` or `1h30m`")]
pub struct InvalidSpan(String);

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSpan(text.to_owned());
        let duration = humantime::parse_duration(text.trim()).map_err(|_| invalid())?;
        u32::try_from(duration.as_secs())
            .map(Self)
            .map_err(|_| invalid())
    }
}

/// A span as the configuration writes it: `30m` or `1h30m`. Nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Length(pub Span);

impl Length {
    /// How a duration is written, as a pattern of a JSON Schema. What it lets through can still be too long.
    pub(crate) const PATTERN: &str = r"^\s*(0|(\d+\s*[A-Za-zµ]+\s*)+)\s*$";
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "duration", "type": "string", "pattern": Self::PATTERN })
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"30m\" or \"1h30m\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Length, E> {
                Span::from_str(text).map(Length).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, minutes) in [("90m", 90), ("1h30m", 90), ("1h 30m", 90), ("2h", 120)] {
            assert_eq!(text.parse(), Ok(Span::minutes(minutes)), "{text}");
        }
        assert_eq!(Span::minutes(90).to_string(), "1h 30m");
        assert_eq!(
            " 0 ".parse(),
            Ok(Span::seconds(0)),
            "space around it means nothing"
        );
        for text in ["", "30", "-5m", "soon", "99999999h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
