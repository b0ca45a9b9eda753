//! Ending sessions whose wait for a lock on a system catalogue keeps everybody else waiting.
//!
//! Anybody who may create temporary tables can ask for a lock that excludes all others on a system
//! catalogue: `CREATE TEMP TABLE t PARTITION OF pg_catalog.pg_auth_members DEFAULT` asks for it
//! before PostgreSQL finds that they may not. They never get the lock, but while they wait for it,
//! behind a session of theirs that is reading the catalogue, every later REVOKE, and for `pg_authid`
//! every later login, waits behind them.

use sqlx::PgConnection;

use super::{error::Error, server::terminate};

/// Ends them, and returns whether there were any.
///
/// Call this when Keylend has waited too long for a lock. Reads no table: the lock may be on any.
pub(super) async fn end(connection: &mut PgConnection) -> Result<bool, Error> {
    let waiting: Vec<i32> = sqlx::query_scalar(
        "SELECT l.pid FROM pg_catalog.pg_lock_status() l \
         WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' \
           AND NOT l.granted \
           AND l.mode OPERATOR(pg_catalog.=) ANY (ARRAY['ShareLock', 'ShareRowExclusiveLock', \
               'ExclusiveLock', 'AccessExclusiveLock']::pg_catalog.text[]) \
           AND l.relation::pg_catalog.int8 OPERATOR(pg_catalog.<) 16384::pg_catalog.int8 \
           AND (l.database OPERATOR(pg_catalog.=) 0::pg_catalog.oid \
                OR l.database OPERATOR(pg_catalog.=) \
                   (SELECT own.datid FROM pg_catalog.pg_stat_get_activity( \
                       pg_catalog.pg_backend_pid()) own)) \
           AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()",
    )
    .fetch_all(&mut *connection)
    .await?;
    for &pid in &waiting {
        tracing::warn!(
            pid,
            "ending a session that waits for a lock on a system catalogue and keeps Keylend waiting: \
             REVOKE TEMP ON DATABASE … FROM PUBLIC prevents this"
        );
        match terminate(connection, pid, 0).await {
            Err(error) if error.is_denied() => {
                tracing::warn!(pid, "it belongs to a superuser: Keylend may not end it");
            }
            done => done?,
        }
    }
    Ok(!waiting.is_empty())
}
