//! The log: appended to by the writer, read by everybody, and how far its readers are.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    commit::{Failure, exactly_one},
    db::{Connection, ENTRIES, Pool},
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

/// The entries behind `after`, fetched as one value: rows are handed over one by one, which takes
/// longer than to verify them. Their text stays as it is, also where it is JSON, since it was hashed.
pub(super) async fn entries(reads: &Pool, after: u64, limit: u32) -> sqlx::Result<Vec<RawEntry>> {
    let (page,): (String,) = sqlx::query_as(ENTRIES)
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .fetch_one(reads)
        .await?;
    let rows: Vec<Row> =
        serde_json::from_str(&page).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let mut entries: Vec<RawEntry> = rows.into_iter().map(Row::read).collect::<Result<_, _>>()?;
    // An aggregate promises no order.
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}

/// The columns of an entry.
#[derive(Deserialize)]
struct Row(
    i64,
    String,
    Option<String>,
    String,
    String,
    String,
    String,
    String,
    String,
);

impl Row {
    fn read(self) -> sqlx::Result<RawEntry> {
        let Self(seq, at, request_id, kind, actor, rules, body, prev_hash, hash) = self;
        let json =
            |text| RawValue::from_string(text).map_err(|error| sqlx::Error::Decode(error.into()));
        Ok(RawEntry {
            seq: seq.cast_unsigned(),
            at,
            request_id,
            kind,
            actor,
            rules: json(rules)?,
            body: json(body)?,
            prev_hash,
            hash,
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
