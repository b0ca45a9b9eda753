//! Ending sessions of others.

use sqlx::PgConnection;

use super::error::Error;

/// Ends a session and waits up to `wait_ms` for it.
pub(super) async fn terminate(
    connection: &mut PgConnection,
    pid: i32,
    wait_ms: i64,
) -> Result<(), Error> {
    signal(connection, Some(pid), wait_ms).await
}

/// Has the server prepare the statement that [`terminate`] runs over this connection.
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), Error> {
    // A function that is given nothing is not called.
    signal(connection, None, 0).await
}

async fn signal(
    connection: &mut PgConnection,
    pid: Option<i32>,
    wait_ms: i64,
) -> Result<(), Error> {
    sqlx::query("SELECT pg_catalog.pg_terminate_backend($1::pg_catalog.int4, $2::pg_catalog.int8)")
        .bind(pid)
        .bind(wait_ms)
        .execute(connection)
        .await?;
    Ok(())
}
