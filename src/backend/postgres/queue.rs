//! Ending sessions whose wait for a lock on a system catalogue keeps everybody else waiting.
//!
//! Anybody who may create temporary tables can ask for a lock that excludes all others on any system
//! catalogue: `CREATE TEMP TABLE t PARTITION OF pg_catalog.pg_auth_members DEFAULT` asks for it
//! before PostgreSQL finds that they may not. They never get the lock, but while they wait for it,
//! behind a session of theirs that is reading the catalogue, every later REVOKE, and for `pg_authid`
//! every later login, waits behind them.
//!
//! PostgreSQL reads the catalogues of types, functions and operators itself to understand a statement, also
//! the one that finds such sessions. So the connection that is kept open [learns](learn) all of that in
//! advance.
//!
//! Only waits for locks on what came with PostgreSQL count, in Keylend's database or in the whole server:
//! nobody is ended who waits for a table of people's.

use sqlx::PgConnection;

use super::{
    error::Error,
    terminate::{self, terminate},
};

/// Ends them, and returns whether there were any.
///
/// Call this when Keylend has waited too long for a lock. Reads no table: the lock may be on any.
pub(super) async fn end(connection: &mut PgConnection) -> Result<bool, Error> {
    let waiting = waiting(connection).await?;
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

/// Has the server's side of the connection read every role, whether Keylend may end sessions, and what
/// [`end`] consists of, into its caches, so that `end` works over it while catalogues are locked.
pub(super) async fn learn(connection: &mut PgConnection) {
    if let Err(error) = try_learn(connection).await {
        tracing::debug!(%error, "failed to read the catalogues of a PostgreSQL server in advance");
    }
}

async fn try_learn(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql(
        "SELECT pg_catalog.count(pg_catalog.pg_get_userbyid(r.oid)), \
                pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') \
         FROM pg_catalog.pg_roles r",
    )
    .execute(&mut *connection)
    .await?;
    waiting(connection).await?;
    terminate::prepare(connection).await
}

/// The sessions that wait for a lock on something that came with PostgreSQL, of a kind that keeps others
/// waiting.
async fn waiting(connection: &mut PgConnection) -> Result<Vec<i32>, Error> {
    Ok(sqlx::query_scalar(
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
    .fetch_all(connection)
    .await?)
}
