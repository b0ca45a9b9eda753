//! Ending what is open under a login. PostgreSQL checks rights when a session begins and when it
//! takes a role, never again: an open session outlives `VALID UNTIL`, `NOLOGIN` and `REVOKE`.

use sqlx::PgConnection;

use super::{error::Error, name::RoleName};

/// Ends every session of `login` that began before now, and waits until they are gone.
///
/// Which of them has taken a role with `SET ROLE` PostgreSQL does not tell others, so all of them
/// end.
pub(super) async fn end(connection: &mut PgConnection, login: &RoleName) -> Result<(), Error> {
    let now: String = sqlx::query_scalar("SELECT clock_timestamp()::text")
        .fetch_one(&mut *connection)
        .await?;
    // All are told at once, then waited for, a moment each.
    signal(connection, login, &now, 0).await?;
    while signal(connection, login, &now, 100).await? > 0 {}
    Ok(())
}

/// Tells the sessions to end, waits up to `wait_ms` for each, and counts those that it found.
///
/// Without `pg_read_all_stats` the start of another's session reads as null; it then counts as
/// old.
async fn signal(
    connection: &mut PgConnection,
    login: &RoleName,
    before: &str,
    wait_ms: i64,
) -> Result<usize, Error> {
    let found = sqlx::query(
        "SELECT pg_terminate_backend(a.pid, $3) FROM pg_stat_activity a \
         JOIN pg_roles r ON r.oid = a.usesysid \
         WHERE r.rolname::text = $1 AND a.pid <> pg_backend_pid() \
           AND coalesce(a.backend_start <= $2::text::timestamptz, true)",
    )
    .bind(login.as_str())
    .bind(before)
    .bind(wait_ms)
    .fetch_all(connection)
    .await?;
    Ok(found.len())
}
