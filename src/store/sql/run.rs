//! Running statements that change rows, and why one is rolled back.

use serde_json::Value;

use super::db::{Connection, Done};

/// Why a write is to be rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    Conflict,
    AlreadyDone,
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Holds that a statement changed one row: none means that somebody else was faster.
pub(super) fn exactly_one(done: &Done) -> Result<(), Failure> {
    match done.rows_affected() {
        1 => Ok(()),
        0 => Err(Failure::Conflict),
        rows => Err(Failure::Database(sqlx::Error::Protocol(format!(
            "{rows} rows were changed in the place of one"
        )))),
    }
}

/// Adds `rows` by a statement whose parameter they are.
pub(super) async fn add_all(
    connection: &mut Connection,
    statement: &'static str,
    rows: Vec<Value>,
) -> sqlx::Result<()> {
    let count = rows.len() as u64;
    if count == 0 {
        return Ok(());
    }
    match run(connection, statement, &Value::Array(rows)).await? {
        added if added == count => Ok(()),
        added => Err(sqlx::Error::Protocol(format!(
            "{added} rows were added in the place of {count}"
        ))),
    }
}

/// Runs a statement with `items` for its parameter, and answers how many rows it changed.
pub(super) async fn run(
    connection: &mut Connection,
    statement: &'static str,
    items: &Value,
) -> sqlx::Result<u64> {
    let done = sqlx::query(statement).bind(items.to_string());
    Ok(done.execute(connection).await?.rows_affected())
}
