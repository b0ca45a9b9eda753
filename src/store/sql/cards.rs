//! The messages that show requests.

use serde_json::Value;
use sqlx::FromRow;

use super::{
    commit::{Failure, exactly_one, run},
    db::{Connection, Pool, items},
    requests::read_id,
    work::{read_count, read_time},
};
use crate::{
    domain::{ChannelId, RequestId, Time},
    store::{Card, NewCard, Place},
};

#[derive(FromRow)]
struct Row {
    request_id: String,
    place: String,
    asked_for: String,
    channel: String,
    ts: Option<String>,
    shown: Option<String>,
    failures: i64,
}

impl Row {
    fn read(self) -> sqlx::Result<Card> {
        let place = Place::named(&self.place).ok_or_else(|| {
            sqlx::Error::Decode(format!("`{}` is not a card's place", self.place).into())
        })?;
        Ok(Card {
            request: read_id(&self.request_id)?,
            place,
            asked_for: ChannelId::new(self.asked_for),
            channel: ChannelId::new(self.channel),
            ts: self.ts,
            shown: self.shown,
            failures: read_count(self.failures)?,
        })
    }
}

/// The cards whose turn it is: those not posted yet first, then longest waiting.
pub(super) async fn due(reads: &Pool, now: Time, limit: u32) -> sqlx::Result<Vec<Card>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT request_id, place, asked_for, channel, ts, shown, failures
         FROM cards WHERE due_at <= $1
         ORDER BY ts IS NOT NULL, due_at, request_id, place, asked_for LIMIT $2",
    )
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .fetch_all(reads)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// When the next card after `now` has its turn.
pub(super) async fn next(reads: &Pool, now: Time) -> sqlx::Result<Option<Time>> {
    let (next,): (Option<i64>,) = sqlx::query_as("SELECT min(due_at) FROM cards WHERE due_at > $1")
        .bind(now.timestamp_millis())
        .fetch_one(reads)
        .await?;
    next.map(read_time).transpose()
}

/// One card, by the channel that was asked for or by the one that it is in.
pub(super) async fn card(
    reads: &Pool,
    request: RequestId,
    place: Place,
    channel: &ChannelId,
) -> sqlx::Result<Option<Card>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT request_id, place, asked_for, channel, ts, shown, failures
         FROM cards
         WHERE request_id = $1 AND place = $2 AND (asked_for = $3 OR channel = $3)",
    )
    .bind(request.to_string())
    .bind(place.name())
    .bind(channel.as_str())
    .fetch_optional(reads)
    .await?;
    row.map(Row::read).transpose()
}

/// All cards of one request.
pub(super) async fn cards(reads: &Pool, request: RequestId) -> sqlx::Result<Vec<Card>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT request_id, place, asked_for, channel, ts, shown, failures
         FROM cards WHERE request_id = $1 ORDER BY place, asked_for",
    )
    .bind(request.to_string())
    .fetch_all(reads)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Adds a card that is not there yet.
pub(super) async fn add(
    connection: &mut Connection,
    request: RequestId,
    card: &NewCard,
) -> Result<(), Failure> {
    // The WHERE also lets the upsert parse, which would take ON for a join's.
    sqlx::query(
        "INSERT INTO cards (request_id, place, asked_for, channel, failures)
         SELECT $1, $2, $3, $3, 0
         WHERE NOT EXISTS (SELECT 1 FROM cards
             WHERE request_id = $1 AND place = $2 AND (asked_for = $3 OR channel = $3))",
    )
    .bind(request.to_string())
    .bind(card.place.name())
    .bind(card.channel.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives every card of a request its turn at `at`, if it has none before.
pub(super) async fn refresh(connection: &mut Connection, changed: &Value) -> sqlx::Result<()> {
    let statement = concat!(
        "UPDATE cards SET due_at = CAST(item.value->>1 AS BIGINT) FROM ",
        items!(),
        " WHERE request_id = item.value->>0
             AND (due_at IS NULL OR due_at > CAST(item.value->>1 AS BIGINT))"
    );
    run(connection, statement, changed).await.map(drop)
}

/// Notes what Slack shows. The card rests if `version` is the request's last.
pub(super) async fn shown(
    connection: &mut Connection,
    card: &Card,
    version: u64,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "UPDATE cards
         SET channel = $4, ts = $5, shown = $6, failures = 0,
             due_at = CASE
                 WHEN (SELECT version FROM requests WHERE id = $1) = $7 THEN NULL
                 ELSE due_at END
         WHERE request_id = $1 AND place = $2 AND asked_for = $3",
    )
    .bind(card.request.to_string())
    .bind(card.place.name())
    .bind(card.asked_for.as_str())
    .bind(card.channel.as_str())
    .bind(&card.ts)
    .bind(&card.shown)
    .bind(version.cast_signed())
    .execute(connection)
    .await?;
    exactly_one(&done)
}

/// Notes a failure, and when the card has its next turn, if ever.
pub(super) async fn failed(
    connection: &mut Connection,
    card: &Card,
    retry_at: Option<Time>,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "UPDATE cards SET failures = failures + 1, due_at = $4
         WHERE request_id = $1 AND place = $2 AND asked_for = $3",
    )
    .bind(card.request.to_string())
    .bind(card.place.name())
    .bind(card.asked_for.as_str())
    .bind(retry_at.map(|at| at.timestamp_millis()))
    .execute(connection)
    .await?;
    exactly_one(&done)
}
