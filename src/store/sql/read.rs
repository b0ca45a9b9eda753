//! Reading values as the tables have them.

use crate::domain::{RequestId, Time};

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
