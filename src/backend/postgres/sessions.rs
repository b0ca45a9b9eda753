//! Ending what is open under a login. PostgreSQL checks rights when a session begins and when it
//! takes a role, never again: an open session outlives `VALID UNTIL`, `NOLOGIN` and `REVOKE`.
//!
//! A connection can be in a role before it shows whose it is: one that asks for
//! `-c role=app_writer -c post_auth_delay=2000` has taken the role, and for that long it is in no
//! list of sessions. While it starts it holds a lock on its database, which shows its number. It
//! usually takes less than a millisecond to become a session; one that takes longer than
//! [`STARTING`] after access was revoked is ended, whoever it may be. It has not begun any work
//! that could be lost.

use std::{collections::HashMap, time::Duration};

use sqlx::{FromRow, PgConnection, postgres::types::Oid};
use tokio::time::{Instant, sleep};

use super::{error::Error, session::Session, terminate::terminate};

/// How long a connection that began before access was revoked may take to show whose it is.
const STARTING: Duration = Duration::from_secs(1);

/// How long after it was told to end a session that waits for a lock counts as exiting.
const EXITING: Duration = Duration::from_secs(1);

/// How long to wait before looking again at sessions and connections that have not ended.
const PAUSE: Duration = Duration::from_millis(10);

/// A connection between its authentication and its first statement. The transaction tells it from
/// a later process of the same number.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct Starting {
    pid: i32,
    transaction: String,
}

/// A session that was told to end. Its beginning tells it from a later process of the same number.
#[derive(Debug, FromRow)]
struct Signalled {
    pid: i32,
    began: String,
    waits_for_lock: bool,
}

/// Ends every session of `login` that began before now, and waits until they are gone.
///
/// Which of them has taken a role with `SET ROLE` PostgreSQL does not tell others, so all of them
/// end. They also end if the login itself was dropped or renamed meanwhile: they keep what they have
/// taken.
///
/// A session drops its temporary objects while it exits, and waits without limit for locks that
/// others hold on what depends on them. It runs no more statements, so access does not wait for it:
/// whoever waits for a lock in a statement ends at once when told to.
pub(super) async fn end(session: &mut Session<'_>, login: Oid) -> Result<(), Error> {
    let now: String = sqlx::query_scalar("SELECT pg_catalog.clock_timestamp()::pg_catalog.text")
        .fetch_one(&mut session.connection)
        .await?;
    let since = Instant::now();
    let mut first: Option<Vec<Starting>> = None;
    let mut told: HashMap<(i32, String), Instant> = HashMap::new();
    loop {
        // In this order: a connection that is no longer starting by the second look, or no longer
        // hidden by the third, shows among the sessions.
        let starting = starting(&mut session.connection).await?;
        let mut hidden = hidden(&mut session.connection, starting).await?;
        let found = signal(&mut session.connection, login, Some(&now)).await?;
        match &first {
            // Later ones find that access was revoked.
            Some(first) => hidden.retain(|one| first.contains(one)),
            None => first = Some(hidden.clone()),
        }
        let seen = Instant::now();
        let (exiting, open): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| {
            let first_told = *told.entry((one.pid, one.began.clone())).or_insert(seen);
            one.waits_for_lock && seen.duration_since(first_told) > EXITING
        });
        if open.is_empty() && hidden.is_empty() {
            for Signalled { pid, .. } in exiting {
                let blockers = blockers(&mut session.connection, pid).await?;
                tracing::warn!(
                    login = login.0,
                    pid,
                    blockers = blockers.join(", "),
                    "a session that has ended waits for a lock before its process exits"
                );
            }
            return Ok(());
        }
        if !session.has_time() {
            return Err(Error::Busy(format!(
                "sessions of the login have not ended: {}",
                open.len() + hidden.len()
            )));
        }
        if since.elapsed() > STARTING {
            first = Some(end_hidden(session, hidden).await?);
        }
        sleep(PAUSE).await;
    }
}

/// Tells every session of `login` to end, and waits for none.
pub(super) async fn tell(session: &mut Session<'_>, login: Oid) -> Result<(), Error> {
    signal(&mut session.connection, login, None).await.map(drop)
}

/// Ends connections that do not show whose they are, and gives back those that may be the login's
/// all the same.
async fn end_hidden(
    session: &mut Session<'_>,
    hidden: Vec<Starting>,
) -> Result<Vec<Starting>, Error> {
    let mut left = Vec::new();
    for one in hidden {
        match terminate(&mut session.connection, one.pid, 0).await {
            // It is a superuser's, or the server's own.
            Err(error) if error.is_denied() => {}
            Err(error) => return Err(error),
            Ok(()) => {
                tracing::warn!(
                    pid = one.pid,
                    "ended a connection to PostgreSQL that hid whose it was while access was revoked"
                );
                left.push(one);
            }
        }
    }
    Ok(left)
}

/// Tells the sessions to end, all of them or those that began `before`, and gives them back.
///
/// Without `pg_read_all_stats` the start of another's session reads as null; it then counts as
/// old.
async fn signal(
    connection: &mut PgConnection,
    login: Oid,
    before: Option<&str>,
) -> Result<Vec<Signalled>, Error> {
    Ok(sqlx::query_as(
        "SELECT a.pid AS pid, \
                coalesce(a.backend_start::pg_catalog.text, '') AS began, \
                coalesce(a.wait_event_type OPERATOR(pg_catalog.=) 'Lock', false) AS waits_for_lock, \
                pg_catalog.pg_terminate_backend(a.pid, 0::pg_catalog.int8) \
         FROM pg_catalog.pg_stat_activity a \
         WHERE a.usesysid OPERATOR(pg_catalog.=) $1::pg_catalog.oid \
           AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() \
           AND coalesce(a.backend_start OPERATOR(pg_catalog.<=) \
                        $2::pg_catalog.text::pg_catalog.timestamptz, true)",
    )
    .bind(login)
    .bind(before)
    .fetch_all(connection)
    .await?)
}

/// Who holds a lock that a process waits for.
async fn blockers(connection: &mut PgConnection, pid: i32) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT CASE WHEN b.pid OPERATOR(pg_catalog.=) 0 THEN 'a prepared transaction' \
                ELSE pg_catalog.concat(a.usename, ' (process ', b.pid, ')') END \
         FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1::pg_catalog.int4)) b(pid) \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) b.pid",
    )
    .bind(pid)
    .fetch_all(connection)
    .await?)
}

/// The connections that hold the lock on their database which every connection takes when it
/// starts.
async fn starting(connection: &mut PgConnection) -> Result<Vec<Starting>, Error> {
    Ok(sqlx::query_as(
        "SELECT l.pid AS pid, l.virtualtransaction AS transaction FROM pg_catalog.pg_locks l \
         WHERE l.locktype OPERATOR(pg_catalog.=) 'object' \
           AND l.classid OPERATOR(pg_catalog.=) 1262::pg_catalog.oid \
           AND l.mode OPERATOR(pg_catalog.=) 'RowExclusiveLock' \
           AND l.granted \
           AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()",
    )
    .fetch_all(connection)
    .await?)
}

/// Those of `starting` that no list of sessions shows with their user.
async fn hidden(
    connection: &mut PgConnection,
    mut starting: Vec<Starting>,
) -> Result<Vec<Starting>, Error> {
    if starting.is_empty() {
        return Ok(starting);
    }
    let pids: Vec<i32> = starting.iter().map(|one| one.pid).collect();
    let shown: Vec<i32> = sqlx::query_scalar(
        "SELECT a.pid FROM pg_catalog.pg_stat_activity a \
         WHERE a.pid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.int4[]) \
           AND a.usesysid IS NOT NULL",
    )
    .bind(pids)
    .fetch_all(connection)
    .await?;
    starting.retain(|one| !shown.contains(&one.pid));
    Ok(starting)
}
