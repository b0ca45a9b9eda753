//! The version of each person's holdings: two grants decided on one count are not both committed.

use super::{
    commit::{Failure, exactly_one},
    db::{Connection, Pool},
};
use crate::{domain::UserId, store::HolderVersion};

/// The version to commit against.
pub(super) async fn version(reads: &Pool, person: &UserId) -> sqlx::Result<HolderVersion> {
    let version: Option<(i64,)> = sqlx::query_as("SELECT version FROM holders WHERE person = $1")
        .bind(person.as_str())
        .fetch_optional(reads)
        .await?;
    Ok(HolderVersion(version.map_or(0, |(version,)| version)))
}

/// Moves the version on. A conflict if it is not the one that was decided on.
pub(super) async fn advance(
    connection: &mut Connection,
    person: &UserId,
    decided_on: HolderVersion,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO holders (person, version) VALUES ($1, 0) ON CONFLICT (person) DO NOTHING",
    )
    .bind(person.as_str())
    .execute(&mut *connection)
    .await?;
    let done =
        sqlx::query("UPDATE holders SET version = version + 1 WHERE person = $1 AND version = $2")
            .bind(person.as_str())
            .bind(decided_on.0)
            .execute(connection)
            .await?;
    exactly_one(&done)
}
