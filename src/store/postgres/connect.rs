//! How the database is reached, and whether its tables are safe to work on.

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use super::{
    schema,
    version::{known, version},
};
use crate::{store::OpenError, transport::postgres_options};

/// What every session is told when it starts. This outranks what `ALTER ROLE … SET` and
/// `ALTER DATABASE … SET` say, so nobody else decides how Keylend's statements are read.
///
/// `pg_catalog` is searched first because it is not named. Behind it comes only Keylend's schema, in
/// which nobody else can create anything, so no better match for a function or an operator can be
/// planted. Temporary objects come last.
///
/// A statement ends before its caller gives up, so that the answer says why. A replica that hangs in
/// the middle of a transaction does not keep the others waiting, and the server notices within
/// seconds that a peer is gone.
const SETTINGS: &[(&str, &str)] = &[
    ("search_path", "keylend, pg_temp"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    ("synchronous_commit", "on"),
    ("statement_timeout", "4s"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("idle_session_timeout", "0"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
];

/// Reads an address. What it leaves out comes from the variables and files that `psql` reads too:
/// `PGPASSWORD`, `PGSSLROOTCERT`, `~/.pgpass`.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let options = postgres_options(url).map_err(|_| OpenError::Address)?;
    Ok(options
        .application_name("keylend")
        .options(SETTINGS.iter().copied())
        .disable_statement_logging())
}

/// Refuses a store that is not safe to work on: tables of another version, or a schema in which
/// others can plant something.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    // First, since a table of somebody else's can run their code when it is read.
    schema::check(connection, schema::Owner::Us).await?;
    check_version(connection).await
}

/// The same for a session that only reads, which may belong to another role such as an auditor's.
pub(super) async fn check_for_reading(connection: &mut PgConnection) -> Result<(), OpenError> {
    schema::check(connection, schema::Owner::Anybody).await?;
    check_version(connection).await
}

async fn check_version(connection: &mut PgConnection) -> Result<(), OpenError> {
    let (found, known) = (version(connection).await?, known());
    match found {
        found if found < known => Err(OpenError::NotMigrated { found, known }),
        found if found > known => Err(OpenError::OtherVersion { found, known }),
        _ => Ok(()),
    }
}
