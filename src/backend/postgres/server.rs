//! The way to one server: connections with every wait bounded on both sides.
//!
//! A session belongs to one piece of access and holds an advisory lock on it until it closes, so
//! that the work on that piece is done one after the other, by all replicas. It also settles the
//! worst case: a `make` whose answer was lost and that is still under way in the server cannot
//! take effect after the `unmake` that follows, since that one waits for the lock, and is tried
//! again if it does not get it. The server ends a session whose client is gone by the same time
//! limit. The lock needs a session of its own: a pooler in transaction mode may not stand between.

use std::{net::IpAddr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgQueryResult, PgSslMode},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::error::Error;
use crate::backend::BackendError;

/// The most sessions that one target has at a time.
const MOST_SESSIONS: usize = 8;

/// One server, as its administrator's URL names it.
pub(super) struct Server {
    options: PgConnectOptions,
    connect_timeout: Duration,
    timeout: Duration,
    places: Semaphore,
}

/// The text is not a URL that leads to a PostgreSQL server.
#[derive(Debug)]
pub(super) struct InvalidUrl;

impl Server {
    pub(super) fn new(
        url: &SecretString,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> Result<Self, InvalidUrl> {
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(InvalidUrl);
        }
        let limit = format!("{}ms", timeout.as_millis().max(1));
        let options = url
            .parse::<PgConnectOptions>()
            .map_err(|_| InvalidUrl)?
            .application_name("keylend")
            .options([
                ("statement_timeout", &limit),
                ("idle_session_timeout", &limit),
                ("idle_in_transaction_session_timeout", &limit),
            ])
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
            places: Semaphore::new(MOST_SESSIONS),
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

    /// Does `work` within the time limit.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, BackendError> {
        match timeout(self.timeout, work).await {
            Ok(result) => result.map_err(BackendError::from),
            Err(_) => Err(BackendError::Retry(format!(
                "PostgreSQL did not answer within {}",
                humantime::format_duration(self.timeout)
            ))),
        }
    }

    /// Opens a session that nobody else has for the same piece of access.
    pub(super) async fn session(&self, access: &str) -> Result<Session<'_>, Error> {
        let place = self
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let mut connection = self.connect(&self.options).await?;
        sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))")
            .bind(format!("keylend {access}"))
            .execute(&mut connection)
            .await?;
        Ok(Session {
            server: self,
            connection,
            _place: place,
        })
    }

    async fn connect(&self, options: &PgConnectOptions) -> Result<PgConnection, Error> {
        match timeout(self.connect_timeout, options.connect()).await {
            Ok(connection) => Ok(connection?),
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
        }
    }
}

fn can_be_read_on_the_way(options: &PgConnectOptions) -> bool {
    use PgSslMode::{Allow, Disable, Prefer};

    let host = options.get_host();
    let stays = options.get_socket().is_some()
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    !stays && matches!(options.get_ssl_mode(), Allow | Disable | Prefer)
}

/// A session that holds the lock on one piece of access.
pub(super) struct Session<'a> {
    server: &'a Server,
    pub(super) connection: PgConnection,
    _place: SemaphorePermit<'a>,
}

impl Session<'_> {
    /// Runs a statement that takes no parameters; whatever stands in it went through
    /// [`name`](super::name).
    pub(super) async fn run(&mut self, statement: String) -> Result<PgQueryResult, Error> {
        run(&mut self.connection, statement).await
    }

    /// Runs statements in another database of the same server.
    pub(super) async fn run_in(&self, database: &str, statements: &[String]) -> Result<(), Error> {
        let work = async {
            let options = self.server.options.clone().database(database);
            let mut connection = self.server.connect(&options).await?;
            for statement in statements {
                run(&mut connection, statement.clone()).await?;
            }
            close(connection).await;
            Ok(())
        };
        work.await.map_err(|error: Error| error.within(database))
    }

    /// Ends the session, and with it the lock.
    pub(super) async fn close(self) {
        close(self.connection).await;
    }
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

async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(error = %error, "A session with PostgreSQL did not close well");
    }
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
            address("postgres://keylend:hunter2@db.example.com:6432/app").unwrap(),
            "db.example.com 6432 app"
        );
        assert_eq!(
            address("postgresql://keylend:hunter2@db.example.com").unwrap(),
            "db.example.com 5432 keylend"
        );
        for url in [
            "db.example.com",
            "mysql://db.example.com",
            "postgres://[",
            "",
        ] {
            assert!(address(url).is_err(), "{url}");
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
    }
}
