//! One session's work on one piece of access.
//!
//! A claim in the store is taken before a piece of access is worked on, so two sessions work on one
//! only if a call was given up and the server is still at it. A grant whose answer was lost must not
//! take effect after the revocation that follows. So a session names the access in its
//! `application_name`, first ends Keylend's own older sessions that name it too, and waits until
//! they are gone. Only sessions of Keylend's login count: anybody may choose such a name. Nothing
//! here is a lock, which an unprivileged user could take as well.
//!
//! A session names itself before it looks, so of two at least one sees the other. The newer one
//! goes on.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection};
use tokio::{
    sync::{MutexGuard, SemaphorePermit},
    time::Instant,
};

use super::{
    error::Error,
    queue,
    server::{self, Purpose, Server},
    terminate::terminate,
};

/// How often in a row other work of the same moment may get in the way.
const COLLISIONS: u32 = 20;

/// A session that works on one piece of access.
pub(super) struct Session<'a> {
    pub(super) connection: PgConnection,
    /// The server's version, such as 150018 for 15.18.
    pub(super) version: i32,
    /// What this database cluster is, its standbys included: numbers of roles mean nothing in
    /// another, which an upgrade or a restored dump makes.
    pub(super) system: i64,
    server: &'a Server,
    name: String,
    until: Instant,
    collisions: u32,
    spare: Option<MutexGuard<'a, Option<PgConnection>>>,
    _place: SemaphorePermit<'a>,
}

#[derive(FromRow)]
struct Start {
    name: String,
    version: i32,
    system: i64,
    is_as_set: bool,
}

#[derive(FromRow)]
struct Other {
    pid: i32,
    name: String,
}

impl<'a> Session<'a> {
    /// Opens a session that works on `access` alone.
    ///
    /// Revoking has places of its own and does not wait behind grants. When the server takes no
    /// more connections, revoking goes on over the one that was kept open.
    pub(super) async fn open(
        server: &'a Server,
        purpose: Purpose,
        access: &str,
    ) -> Result<Self, Error> {
        let place = server.place(purpose).await;
        // Some time is left to say what was in the way.
        let until = Instant::now() + server.timeout().mul_f64(0.8);
        match (server.connect().await, purpose) {
            (Ok(connection), _) => {
                Self::begin(server, connection, None, access, until, place).await
            }
            (Err(error), Purpose::Grant) => Err(error),
            (Err(error), Purpose::Revoke) => {
                let mut spare = server.spare().await;
                let Some(connection) = spare.take() else {
                    return Err(error);
                };
                tracing::debug!(%error, "revoking over the connection that was kept open");
                Self::begin(server, connection, Some(spare), access, until, place).await
            }
        }
    }

    /// Begins work on `access`; `spare` is where the connection comes from and returns to if it is
    /// the one that is kept open.
    async fn begin(
        server: &'a Server,
        connection: PgConnection,
        spare: Option<MutexGuard<'a, Option<PgConnection>>>,
        access: &str,
        until: Instant,
        place: SemaphorePermit<'a>,
    ) -> Result<Self, Error> {
        let mut session = Self {
            connection,
            version: 0,
            system: 0,
            server,
            name: String::new(),
            until,
            collisions: 0,
            spare,
            _place: place,
        };
        match session.take_over(&application_name(access)).await {
            Ok(()) => Ok(session),
            Err(error) => session.close(Err(error)).await,
        }
    }

    /// Names the session and ends Keylend's older ones on the same access.
    async fn take_over(&mut self, prefix: &str) -> Result<(), Error> {
        loop {
            match self.try_take_over(prefix).await {
                // Who may see all sessions is in a catalogue too.
                Err(error) if self.tries_again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_take_over(&mut self, prefix: &str) -> Result<(), Error> {
        let start = start(&mut self.connection, prefix).await?;
        if !start.is_as_set {
            return Err(Error::Refused(
                "PostgreSQL did not accept Keylend's session options. Connect to the server \
                 directly, without a pooler"
                    .to_owned(),
            ));
        }
        self.version = start.version;
        self.system = start.system;
        self.name = start.name;
        self.end_older(prefix).await
    }

    /// Whether what failed with `error` is to be tried again at once: only work of the same moment
    /// was in the way. Since PostgreSQL 16, GRANT and REVOKE lock the lent role until they are
    /// committed; 15 says "tuple concurrently updated" instead.
    pub(super) async fn tries_again(&mut self, error: &Error) -> bool {
        if !self.has_time() {
            return false;
        }
        if error.is_collision() {
            self.collisions += 1;
            return self.collisions <= COLLISIONS;
        }
        if !error.is_locked() {
            return false;
        }
        self.end_queues().await;
        true
    }

    /// Ends what may have kept this session waiting for a lock on a system catalogue.
    async fn end_queues(&mut self) {
        let ended = match self.server.try_spare() {
            Some(mut spare) => queue::end(&mut spare).await,
            None => queue::end(&mut self.connection).await,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "failed to end sessions that wait for locks on system catalogues");
        }
    }

    /// Whether there is time left to try again.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    /// How much of that time there is.
    pub(super) fn time_left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Runs a statement that takes no parameters; whatever stands in it went through
    /// [`name`](super::name).
    pub(super) async fn run(&mut self, statement: String) -> Result<(), Error> {
        server::run(&mut self.connection, statement).await.map(drop)
    }

    /// Opens a connection to another database of the same server, which a later session on this
    /// access ends as it ends this one.
    pub(super) async fn connect_to(&self, database: &str) -> Result<PgConnection, Error> {
        let connected = self.server.connect_to(database, &self.name, self.version);
        connected.await.map_err(|error| error.within(database))
    }

    /// Ends the session and hands `result` on.
    pub(super) async fn close<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        match &mut self.spare {
            None => self.server.keep_or_close(self.connection).await,
            Some(spare) => {
                if server::rest(&mut self.connection).await.is_ok() {
                    **spare = Some(self.connection);
                }
            }
        }
        result
    }

    async fn end_older(&mut self, prefix: &str) -> Result<(), Error> {
        let mut wait_ms = 0;
        loop {
            let others = others(&mut self.connection, prefix).await?;
            let own = &self.name;
            if others.iter().any(|other| other.name > *own) {
                return Err(Error::Busy(
                    "a newer session of Keylend's works on this access".to_owned(),
                ));
            }
            if others.is_empty() {
                return Ok(());
            }
            if !self.has_time() {
                return Err(Error::Busy(
                    "an older session of Keylend's on this access has not ended".to_owned(),
                ));
            }
            for Other { pid, .. } in others {
                terminate(&mut self.connection, pid, wait_ms).await?;
            }
            wait_ms = 100;
        }
    }
}

/// What the sessions on one piece of access have in common, in the 63 bytes that PostgreSQL keeps.
fn application_name(access: &str) -> String {
    let digest = Sha256::digest(access.as_bytes());
    let digits: String = digest[..14].iter().map(|b| format!("{b:02x}")).collect();
    format!("keylend {digits} ")
}

/// Names the session, with the server's clock and the session's number so that no two are the same,
/// and sets what servers of all versions cannot be told while connecting.
async fn start(connection: &mut PgConnection, prefix: &str) -> Result<Start, Error> {
    Ok(sqlx::query_as(
        "WITH v(version) AS MATERIALIZED ( \
            SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4), \
         s(name) AS MATERIALIZED ( \
            SELECT pg_catalog.concat($1::pg_catalog.text, \
                pg_catalog.to_char(pg_catalog.clock_timestamp(), 'YYMMDDHH24MISSUS'), \
                pg_catalog.lpad(pg_catalog.pg_backend_pid()::pg_catalog.text, 7, '0'))), \
         o AS MATERIALIZED ( \
            SELECT CASE WHEN v.version OPERATOR(pg_catalog.>=) 160000 THEN \
                        pg_catalog.set_config('createrole_self_grant', '', false) END, \
                   CASE WHEN v.version OPERATOR(pg_catalog.>=) 170000 THEN \
                        pg_catalog.set_config('transaction_timeout', '0', false) END \
            FROM v) \
         SELECT pg_catalog.set_config('application_name', s.name, false) AS name, \
                v.version AS version, \
                c.system_identifier AS system, \
                pg_catalog.current_setting('search_path') \
                    OPERATOR(pg_catalog.=) 'pg_catalog, pg_temp' \
                AND current_user OPERATOR(pg_catalog.=) session_user AS is_as_set \
         FROM v, s, o, pg_catalog.pg_control_system() c",
    )
    .bind(prefix)
    .fetch_one(connection)
    .await?)
}

/// Keylend's own other sessions on this access. Reads no table, so no lock on one is in the way.
async fn others(connection: &mut PgConnection, prefix: &str) -> Result<Vec<Other>, Error> {
    Ok(sqlx::query_as(
        "SELECT a.pid AS pid, a.application_name AS name \
         FROM pg_catalog.pg_stat_get_activity(NULL) a, \
              pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) own \
         WHERE a.usesysid OPERATOR(pg_catalog.=) own.usesysid \
           AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() \
           AND pg_catalog.starts_with(a.application_name, $1::pg_catalog.text)",
    )
    .bind(prefix)
    .fetch_all(connection)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_session_fits_and_tells_accesses_apart() {
        let name = application_name(r#"member:"alice":"app_writer""#);
        assert_eq!(name, "keylend 9a24dfa8bfde3cdbb7933b36deca ");
        assert_ne!(name, application_name(r#"member:"alice":"app_reader""#));
        let stamp = "YYMMDDHHMMSSUUUUUU".len() + "0000000".len();
        assert!(name.len() + stamp <= 63);
    }
}
