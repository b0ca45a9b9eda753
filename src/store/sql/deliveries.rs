//! The deliveries that something was committed for, for as long as their signatures count.

use super::{db::Connection, run::Failure};
use crate::store::Delivered;

/// How long a delivery is remembered, in milliseconds. Its signature counts for 300 seconds, by clocks that
/// may differ by as much.
const REMEMBERED: i64 = 600_000;

/// Notes that something is committed for a delivery.
pub(super) async fn note(
    connection: &mut Connection,
    Delivered { key, at }: &Delivered,
) -> Result<(), Failure> {
    let at = at.timestamp_millis();
    sqlx::query("DELETE FROM deliveries WHERE noted_at < $1")
        .bind(at - REMEMBERED)
        .execute(&mut *connection)
        .await?;
    let noted = sqlx::query(
        "INSERT INTO deliveries (key, noted_at) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
    )
    .bind(key.as_str())
    .bind(at)
    .execute(connection)
    .await?;
    match noted.rows_affected() {
        0 => Err(Failure::AlreadyDone),
        _ => Ok(()),
    }
}
