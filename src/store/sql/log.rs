//! The log: appended to by the writer, read by everybody, and how far its readers are.

use serde_json::value::RawValue;
use sqlx::FromRow;

use super::{
    commit::{Failure, exactly_one},
    db::{Connection, Pool, Row},
};
use crate::store::{Chain, GENESIS, RawEntry, Record};

/// The number and hash of the last entry.
pub(super) async fn last(connection: &mut Connection) -> sqlx::Result<(u64, String)> {
    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(last.map_or_else(
        || (0, GENESIS.to_owned()),
        |(seq, hash)| (seq.cast_unsigned(), hash),
    ))
}

/// The hash of an entry, if it is there.
pub(super) async fn hash(connection: &mut Connection, seq: u64) -> sqlx::Result<Option<String>> {
    let hash: Option<(String,)> = sqlx::query_as("SELECT hash FROM events WHERE seq = $1")
        .bind(seq.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(hash.map(|(hash,)| hash))
}

/// Puts a record at the end of the chain.
pub(super) async fn append(
    connection: &mut Connection,
    chain: &mut Chain,
    record: &Record,
) -> Result<(), Failure> {
    let entry = chain.seal(record);
    let done = sqlx::query(
        "INSERT INTO events
             (seq, at, request_id, kind, actor, rules, body, prev_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(entry.seq.cast_signed())
    .bind(entry.at)
    .bind(entry.request_id)
    .bind(entry.kind)
    .bind(entry.actor)
    .bind(entry.rules.get())
    .bind(entry.body.get())
    .bind(entry.prev_hash)
    .bind(entry.hash)
    .execute(connection)
    .await?;
    exactly_one(&done)
}

/// The entries behind `after`.
pub(super) async fn entries(reads: &Pool, after: u64, limit: u32) -> sqlx::Result<Vec<RawEntry>> {
    sqlx::query_as(
        "SELECT seq, at, request_id, kind, actor, rules, body, prev_hash, hash
         FROM events WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(after.cast_signed())
    .bind(i64::from(limit))
    .fetch_all(reads)
    .await
}

impl FromRow<'_, Row> for RawEntry {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        use sqlx::Row as _;

        let json = |column| -> sqlx::Result<Box<RawValue>> {
            RawValue::from_string(row.try_get(column)?)
                .map_err(|error| sqlx::Error::Decode(error.into()))
        };
        Ok(Self {
            seq: row.try_get::<i64, _>(0)?.cast_unsigned(),
            at: row.try_get(1)?,
            request_id: row.try_get(2)?,
            kind: row.try_get(3)?,
            actor: row.try_get(4)?,
            rules: json(5)?,
            body: json(6)?,
            prev_hash: row.try_get(7)?,
            hash: row.try_get(8)?,
        })
    }
}

/// How far a feed is.
pub(super) async fn cursor(reads: &Pool, feed: &str) -> sqlx::Result<u64> {
    let seq: Option<(i64,)> = sqlx::query_as("SELECT seq FROM cursors WHERE feed = $1")
        .bind(feed)
        .fetch_optional(reads)
        .await?;
    Ok(seq.map_or(0, |(seq,)| seq.cast_unsigned()))
}

/// Moves a feed forward; not back.
pub(super) async fn move_cursor(
    connection: &mut Connection,
    feed: &str,
    seq: u64,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO cursors (feed, seq) VALUES ($1, $2)
         ON CONFLICT (feed) DO UPDATE SET seq = excluded.seq WHERE cursors.seq < excluded.seq",
    )
    .bind(feed)
    .bind(seq.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}
