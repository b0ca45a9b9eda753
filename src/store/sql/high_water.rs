//! The greatest time that a replica has acted on.

use super::db::{Connection, Pool};
use crate::domain::Time;

/// The mark; nothing if there is none, or one that is no time.
pub(super) async fn high_water(reads: &Pool) -> sqlx::Result<Option<Time>> {
    let millis: Option<i64> = sqlx::query_scalar("SELECT at FROM high_water")
        .fetch_optional(reads)
        .await?;
    Ok(millis.and_then(Time::from_timestamp_millis))
}

/// Raises the mark to `at`; also lowers it, if `lowers` says so.
pub(super) async fn set(connection: &mut Connection, at: Time, lowers: bool) -> sqlx::Result<()> {
    let statement = match lowers {
        true => {
            "INSERT INTO high_water (one, at) VALUES (1, $1)
             ON CONFLICT (one) DO UPDATE SET at = excluded.at"
        }
        false => {
            "INSERT INTO high_water (one, at) VALUES (1, $1)
             ON CONFLICT (one) DO UPDATE SET at = excluded.at WHERE excluded.at > high_water.at"
        }
    };
    sqlx::query(statement)
        .bind(at.timestamp_millis())
        .execute(connection)
        .await
        .map(drop)
}
