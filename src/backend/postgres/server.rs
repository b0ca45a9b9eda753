//! The way to one server: connections with every wait bounded on both sides, and every option set
//! that somebody else could have changed.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgQueryResult, PgSslMode},
};
use tokio::{
    sync::{MappedMutexGuard, Mutex, MutexGuard, Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{error::Error, queue};
use crate::{
    backend::BackendError,
    transport::{leaves_encryption_open, postgres_options, stays_here},
};

/// The most sessions that make access at a time.
const MOST_GRANTING: usize = 8;

/// The most sessions that revoke access, or look at it, at a time.
const MOST_REVOKING: usize = 16;

/// How long the spare connection may take to show that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// What every session of Keylend's runs under. Options that come with the connection win over
/// `ALTER DATABASE … SET` and `ALTER ROLE … SET`, which a database's owner and others may do.
const OPTIONS: [(&str, &str); 18] = [
    // Nothing that others have made is found by its name.
    ("search_path", "pg_catalog, pg_temp"),
    ("role", "none"),
    ("row_security", "on"),
    // Nothing waits for somebody else's lock, and nobody waits behind Keylend for longer.
    ("lock_timeout", "200ms"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    // What was revoked stays revoked after a crash.
    ("synchronous_commit", "on"),
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("transform_null_equals", "off"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    // A client that is gone without a word is noticed within a minute.
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Making access, and what can wait.
    Grant,
    /// Revoking access, or looking at it.
    Revoke,
}

/// One server, as its administrator's URL names it.
pub(super) struct Server {
    options: PgConnectOptions,
    connect_timeout: Duration,
    timeout: Duration,
    granting: Semaphore,
    revoking: Semaphore,
    /// An open connection for revoking when the server takes no other.
    spare: Mutex<Option<PgConnection>>,
}

/// Why a text does not say how to reach a PostgreSQL server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvalidUrl {
    /// It is not the URL of one.
    NotAServer,
    /// It leaves it to a server elsewhere whether the connection is encrypted.
    EncryptionOpen,
}

impl Server {
    pub(super) fn new(
        url: &SecretString,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> Result<Self, InvalidUrl> {
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(InvalidUrl::NotAServer);
        }
        let limit = format!("{}ms", timeout.as_millis().max(1));
        let options = postgres_options(url).map_err(|_| InvalidUrl::NotAServer)?;
        if leaves_encryption_open(url, &options) {
            return Err(InvalidUrl::EncryptionOpen);
        }
        let options = options
            .application_name("keylend")
            .options([
                ("statement_timeout", &limit),
                ("idle_session_timeout", &limit),
                ("idle_in_transaction_session_timeout", &limit),
            ])
            // Behind what the URL itself sets, so that these win.
            .options(OPTIONS)
            // Statements hold verifiers of passwords.
            .disable_statement_logging();
        if can_be_read_on_the_way(&options) {
            tracing::warn!(
                "Keylend speaks with a PostgreSQL server in a way that others can read or change: \
                 add `sslmode=verify-full` to its URL"
            );
        }
        Ok(Self {
            options,
            connect_timeout,
            timeout,
            granting: Semaphore::new(MOST_GRANTING),
            revoking: Semaphore::new(MOST_REVOKING),
            spare: Mutex::new(None),
        })
    }

    /// Where it is, for people: host, port and database.
    pub(super) fn address(&self) -> (&str, u16, &str) {
        let options = &self.options;
        let database = options
            .get_database()
            .unwrap_or_else(|| options.get_username());
        (options.get_host(), options.get_port(), database)
    }

    /// Whether others on the way can read or change what goes over a connection.
    pub(super) fn is_readable_on_the_way(&self) -> bool {
        can_be_read_on_the_way(&self.options)
    }

    /// Does `work` within the time limit.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, BackendError> {
        match timeout(self.timeout, work).await {
            Ok(result) => result.map_err(BackendError::from),
            Err(_) => Err(BackendError::Retry(
                format!(
                    "PostgreSQL did not answer within {}",
                    humantime::format_duration(self.timeout)
                )
                .into(),
            )),
        }
    }

    /// How long one call may take in all.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits for a place among the sessions of this purpose.
    pub(super) async fn place(&self, purpose: Purpose) -> SemaphorePermit<'_> {
        let places = match purpose {
            Purpose::Grant => &self.granting,
            Purpose::Revoke => &self.revoking,
        };
        places.acquire().await.expect("never closed")
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<PgConnection, Error> {
        self.connect_with(&self.options).await
    }

    /// Opens a connection to another database of the server, for the work of `session`.
    pub(super) async fn connect_to(
        &self,
        database: &str,
        application_name: &str,
        version: i32,
    ) -> Result<PgConnection, Error> {
        let mut options = self
            .options
            .clone()
            .database(database)
            .application_name(application_name);
        // These cannot wait for the first statement where a hostile owner has set them, and older
        // servers do not know them.
        if version >= 160_000 {
            options = options.options([("createrole_self_grant", "")]);
        }
        if version >= 170_000 {
            options = options.options([("transaction_timeout", "0")]);
        }
        self.connect_with(&options).await
    }

    /// Keeps `connection` open for revoking, if none is kept yet.
    pub(super) async fn keep_or_close(&self, mut connection: PgConnection) {
        let Ok(mut spare) = self.spare.try_lock() else {
            return close(connection).await;
        };
        match &mut *spare {
            None => *spare = rest(&mut connection).await.is_ok().then_some(connection),
            Some(spare) => {
                close(connection).await;
                queue::learn(spare).await;
            }
        }
    }

    /// Sees to it that a connection is kept open for revoking.
    pub(super) async fn keep_spare(&self) -> Result<(), Error> {
        // Who has it now uses it, or is looking after it.
        let Ok(mut spare) = self.spare.try_lock() else {
            return Ok(());
        };
        if let Some(connection) = &mut *spare
            && rest(connection).await.is_err()
        {
            *spare = None;
        }
        if spare.is_none() {
            let mut connection = self.connect().await?;
            if !has_reserved_places(&mut connection).await? {
                tracing::warn!(
                    host = self.options.get_host(),
                    "others can take every connection of this PostgreSQL server: set \
                     `reserved_connections` there and `GRANT pg_use_reserved_connections` to \
                     Keylend's login"
                );
            }
            rest(&mut connection).await?;
            *spare = Some(connection);
        }
        Ok(())
    }

    /// The connection that is kept open, once nobody else uses it, and its place.
    pub(super) async fn spare(&self) -> MutexGuard<'_, Option<PgConnection>> {
        self.spare.lock().await
    }

    /// The connection that is kept open, unless it is in use or there is none.
    pub(super) fn try_spare(&self) -> Option<MappedMutexGuard<'_, PgConnection>> {
        MutexGuard::try_map(self.spare.try_lock().ok()?, Option::as_mut).ok()
    }

    async fn connect_with(&self, options: &PgConnectOptions) -> Result<PgConnection, Error> {
        match timeout(self.connect_timeout, options.connect()).await {
            Ok(connection) => Ok(connection?),
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
        }
    }
}

/// Whether the server keeps places for Keylend's login, or is too old to.
async fn has_reserved_places(connection: &mut PgConnection) -> Result<bool, Error> {
    let has: Option<bool> = sqlx::query_scalar(
        "SELECT pg_catalog.pg_has_role(r.oid, 'USAGE') \
            AND pg_catalog.current_setting('reserved_connections') OPERATOR(pg_catalog.<>) '0' \
         FROM pg_catalog.pg_roles r \
         WHERE r.rolname OPERATOR(pg_catalog.=) 'pg_use_reserved_connections'",
    )
    .fetch_optional(connection)
    .await?;
    Ok(has.unwrap_or(true))
}

/// Leaves a connection open without work; an error if it does not answer.
pub(super) async fn rest(connection: &mut PgConnection) -> Result<(), Error> {
    let statements = "SET application_name = 'keylend'; SET idle_session_timeout = 0";
    match timeout(SIGN_OF_LIFE, run(connection, statements.to_owned())).await {
        Ok(result) => result?,
        Err(_) => return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
    };
    queue::learn(connection).await;
    Ok(())
}

/// Runs a statement that takes no parameters; whatever stands in it went through
/// [`name`](super::name).
pub(super) async fn run(
    connection: &mut PgConnection,
    statement: String,
) -> Result<PgQueryResult, Error> {
    Ok(sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?)
}

pub(super) async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(error = %error, "A session with PostgreSQL did not close well");
    }
}

fn can_be_read_on_the_way(options: &PgConnectOptions) -> bool {
    use PgSslMode::{Allow, Disable, Prefer};

    !stays_here(options) && matches!(options.get_ssl_mode(), Allow | Disable | Prefer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Result<Server, InvalidUrl> {
        Server::new(&url.into(), Duration::from_secs(1), Duration::from_secs(1))
    }

    #[test]
    fn the_address_is_read_from_the_url_without_its_password() {
        let address = |url| {
            server(url).map(|server| {
                let (host, port, database) = server.address();
                format!("{host} {port} {database}")
            })
        };
        assert_eq!(
            address("postgres://keylend:hunter2@db.example.com:6432/app?sslmode=require").unwrap(),
            "db.example.com 6432 app"
        );
        assert_eq!(
            address("postgresql://keylend:hunter2@db.example.com?sslmode=require").unwrap(),
            "db.example.com 5432 keylend"
        );
        for url in [
            "db.example.com",
            "mysql://db.example.com",
            "postgres://[",
            "",
        ] {
            assert_eq!(address(url), Err(InvalidUrl::NotAServer), "{url}");
        }
    }

    #[test]
    fn a_way_that_others_can_read_is_noticed() {
        let noticed = |url| can_be_read_on_the_way(&server(url).unwrap().options);
        assert!(noticed(
            "postgres://keylend@db.example.com/app?sslmode=prefer"
        ));
        assert!(!noticed(
            "postgres://keylend@db.example.com/app?sslmode=verify-full"
        ));
        assert!(!noticed("postgres://keylend@127.0.0.1/app?sslmode=disable"));
        let open = server("postgres://keylend@db.example.com/app");
        assert_eq!(open.err(), Some(InvalidUrl::EncryptionOpen));
    }
}
