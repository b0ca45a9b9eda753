//! The databases of a server, and sessions in them.

use sqlx::{FromRow, PgConnection, postgres::types::Oid};

use super::super::{error::Error, server::run, session::Session};
use crate::sanitize::escaped;

/// How long one statement of a search may take.
const BRIEFLY: &str = "SET statement_timeout = '3s'";

/// The most rows of each kind that are read of a database.
pub(super) const MOST_ROWS: i64 = 1000;

/// A database of the server.
#[derive(FromRow)]
pub(super) struct Database {
    pub(super) oid: Oid,
    pub(super) name: String,
    /// Whether the URL names it.
    pub(super) is_home: bool,
}

pub(super) async fn connect(
    session: &Session<'_>,
    database: &Database,
) -> Result<PgConnection, Error> {
    let mut connection = session.connect_to(&database.name).await?;
    match run(&mut connection, BRIEFLY.to_owned()).await {
        Ok(_) => Ok(connection),
        Err(error) => Err(error.within(&database.name)),
    }
}

/// The first transaction that is not over, and the first that has not begun. A snapshot does not tell the
/// second: its end is the first transaction after the last that is over, and later ones may have begun.
pub(super) async fn transactions(connection: &mut PgConnection) -> Result<(i64, i64), Error> {
    Ok(sqlx::query_as(
        "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) \
                    ::pg_catalog.text::pg_catalog.int8, \
                pg_catalog.pg_current_xact_id()::pg_catalog.text::pg_catalog.int8 \
                    OPERATOR(pg_catalog.+) 1::pg_catalog.int8",
    )
    .fetch_one(connection)
    .await?)
}

/// What was found in a database, with its name unless the URL names it.
pub(super) fn within(database: &Database, what: &str) -> String {
    match database.is_home {
        true => escaped(what),
        false => escaped(&format!("in {}: {what}", database.name)),
    }
}
