//! When each lane has to look at which request.

use std::collections::BTreeMap;

use super::{
    commit::{Failure, exactly_one},
    db::{Connection, Pool},
};
use crate::domain::{Lane, Request, Time};

/// When a lane's next work after `now` is due.
pub(super) async fn next_due(reads: &Pool, lane: &Lane, now: Time) -> sqlx::Result<Option<Time>> {
    let (next,): (Option<i64>,) =
        sqlx::query_as("SELECT min(due_at) FROM due WHERE lane = $1 AND due_at > $2")
            .bind(lane.name())
            .bind(now.timestamp_millis())
            .fetch_one(reads)
            .await?;
    next.map(read_time).transpose()
}

/// Notes when each lane has to look at a request next.
pub(super) async fn note(connection: &mut Connection, request: &Request) -> Result<(), Failure> {
    let id = request.id.to_string();
    sqlx::query("DELETE FROM due WHERE request_id = $1")
        .bind(&id)
        .execute(&mut *connection)
        .await?;
    let mut lanes = BTreeMap::new();
    // Soonest first, so the first of a lane stays.
    for due in request.due() {
        lanes.entry(due.lane).or_insert(due.at);
    }
    for (lane, at) in lanes {
        let done = sqlx::query("INSERT INTO due (request_id, lane, due_at) VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(lane.name())
            .bind(at.timestamp_millis())
            .execute(&mut *connection)
            .await?;
        exactly_one(&done)?;
    }
    Ok(())
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
