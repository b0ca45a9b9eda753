//! How the database is reached, and which tables it has.

use std::str::FromStr as _;

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

use crate::store::OpenError;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// What every session is told. A statement ends before its caller gives up, so that the answer says
/// why. A replica that hangs in the middle of a transaction does not keep the others waiting, and the
/// server notices within seconds that a peer is gone.
const SETTINGS: &[(&str, &str)] = &[
    ("statement_timeout", "4s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
];

/// Reads an address. What it leaves out comes from the variables and files that `psql` reads too:
/// `PGPASSWORD`, `PGSSLROOTCERT`, `~/.pgpass`.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Address)?;
    Ok(options
        .application_name("keylend")
        .options(SETTINGS.iter().copied())
        .disable_statement_logging())
}

/// Brings the tables up to date.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<(), OpenError> {
    // A new index may take longer than any other statement.
    let options = options.clone().options([("statement_timeout", "0")]);
    let mut connection = options.connect().await?;
    let migrated = MIGRATIONS.run(&mut connection).await;
    connection.close().await?;
    match migrated {
        Err(MigrateError::VersionMissing(found)) => Err(OpenError::OtherVersion {
            found,
            known: known(),
        }),
        migrated => Ok(migrated?),
    }
}

/// Refuses tables of another version.
pub(super) async fn check_version(connection: &mut PgConnection) -> Result<(), OpenError> {
    let (found, known) = (version(connection).await?, known());
    match found {
        found if found < known => Err(OpenError::NotMigrated { found, known }),
        found if found > known => Err(OpenError::OtherVersion { found, known }),
        _ => Ok(()),
    }
}

/// The version of the tables; 0 where there are none.
pub(super) async fn version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let (is_there,): (bool,) = sqlx::query_as("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Ok(0);
    }
    let (version,): (Option<i64>,) =
        sqlx::query_as("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(connection)
            .await?;
    Ok(version.unwrap_or_default())
}

/// The version that this program knows.
pub(super) fn known() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}
