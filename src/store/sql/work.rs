//! When each lane has to look at which request.

use serde_json::{Value, json};

use super::{
    db::{Connection, Pool, items},
    run::{add_all, run},
};
use crate::domain::{Lane, Request, Time};

/// When a lane's next work after `now` is due.
pub(super) async fn next_due(reads: &Pool, lane: &Lane, now: Time) -> sqlx::Result<Option<Time>> {
    let (next,): (Option<i64>,) =
        sqlx::query_as("SELECT min(due_at) FROM due WHERE lane = $1 AND due_at > $2")
            .bind(lane.name().into_owned())
            .bind(now.timestamp_millis())
            .fetch_one(reads)
            .await?;
    // What is no time was not written by us, and keeps the lane from nothing.
    Ok(next.and_then(Time::from_timestamp_millis))
}

/// Work of a lane that is due after this was put off by a clock that is ahead.
pub(super) fn latest(lane: &Lane, now: Time) -> i64 {
    let latest = lane.latest(now);
    latest.map_or(i64::MAX, |latest| latest.timestamp_millis())
}

/// When each lane has to look at a request next, as rows.
pub(in crate::store) fn rows(request: &Request) -> Vec<Value> {
    let id = request.id.to_string();
    let lanes = request.due_by_lane().into_iter();
    lanes
        .map(|(lane, at)| json!([id, lane.name(), at.timestamp_millis()]))
        .collect()
}

/// Notes when each lane has to look at the requests that have changed.
pub(super) async fn replace(
    connection: &mut Connection,
    changed: &Value,
    rows: Vec<Value>,
) -> sqlx::Result<()> {
    let forget = concat!(
        "DELETE FROM due WHERE request_id IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    run(connection, forget, changed).await?;
    let note = concat!(
        "INSERT INTO due (request_id, lane, due_at)
         SELECT item.value->>0, item.value->>1, CAST(item.value->>2 AS BIGINT) FROM ",
        items!()
    );
    add_all(connection, note, rows).await
}
