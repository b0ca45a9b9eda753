//! Reading values as the tables have them.

use serde::Deserialize;
use sqlx::{Database, Decode, Type, error::BoxDynError};

use super::db::Kind;
use crate::domain::{RequestId, Time};

/// A text that somebody else may have written. SQLite keeps any bytes as text: what is not UTF-8 in it is
/// replaced.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Text(pub(super) String);

impl Type<Kind> for Text {
    fn type_info() -> <Kind as Database>::TypeInfo {
        <String as Type<Kind>>::type_info()
    }

    fn compatible(found: &<Kind as Database>::TypeInfo) -> bool {
        <String as Type<Kind>>::compatible(found)
    }
}

impl<'r> Decode<'r, Kind> for Text {
    fn decode(value: <Kind as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = <&[u8] as Decode<'r, Kind>>::decode(value)?;
        Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
    }
}

/// A request's id as the tables have it.
pub(super) fn read_id(text: &str) -> sqlx::Result<RequestId> {
    text.parse()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A time as the tables have it.
pub(super) fn read_time(millis: i64) -> sqlx::Result<Time> {
    Time::from_timestamp_millis(millis)
        .ok_or_else(|| sqlx::Error::Decode(format!("{millis} is not a time").into()))
}

/// A number of times as the tables have it.
pub(super) fn read_count(count: i64) -> sqlx::Result<u32> {
    count
        .try_into()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
