//! To whom the names in the targets belong.

use super::{
    commit::{Failure, exactly_one},
    db::{Connection, Pool},
};
use crate::{
    domain::{NameOwners, Username},
    store::{NameChange, NameVersion},
};

/// To whom a name belongs, and the version to commit against.
pub(super) async fn name(reads: &Pool, name: &Username) -> sqlx::Result<(NameOwners, NameVersion)> {
    let row: Option<(i64, String)> =
        sqlx::query_as("SELECT version, owners FROM names WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(reads)
            .await?;
    let Some((version, owners)) = row else {
        return Ok((NameOwners::default(), NameVersion::default()));
    };
    let owners =
        serde_json::from_str(&owners).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok((owners, NameVersion(version)))
}

/// Binds or releases a name. A conflict if it is not at the version that was decided on.
pub(super) async fn change(
    connection: &mut Connection,
    change: &NameChange,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "INSERT INTO names (name, version, owners)
         SELECT CAST($1 AS TEXT), $2, $3
         WHERE $2 = 1 OR EXISTS (SELECT 1 FROM names WHERE name = $1)
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, owners = excluded.owners
             WHERE names.version = excluded.version - 1",
    )
    .bind(change.name.as_str())
    .bind(change.before.0 + 1)
    .bind(serde_json::to_string(&change.owners).expect("owners can be written as JSON"))
    .execute(connection)
    .await?;
    exactly_one(&done)
}
