//! The file: who may have it, how it is opened, and which tables it holds.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::store::OpenError;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long one statement waits for somebody else's lock on the file; less than a caller waits
/// for the store, so that the answer says why.
pub(super) const BUSY: Duration = Duration::from_secs(4);

/// Bytes to which the write-ahead log is cut back after a burst.
const JOURNAL_SIZE_LIMIT: &str = "16777216";

/// KiB of the file that the connection that writes keeps in memory, as SQLite takes them: a negative
/// number. SQLite's default of 2 MB is too little for the indexes of a long history, whose pages are
/// written in no order.
const CACHE_SIZE: &str = "-65536";

/// Takes the store for this process, until the answer is dropped. The lock is on a file beside
/// it, since SQLite's own locks are dropped when any descriptor of the database is closed.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = private(Path::new(&name)).map_err(|error| OpenError::File(path.into(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.into())),
        Err(TryLockError::Error(error)) => Err(OpenError::File(path.into(), error)),
    }
}

/// Makes the file if it is not there. SQLite gives the files that it puts beside it the same mode, and
/// those that an earlier process left are made as private.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    let beside = ["-wal", "-shm"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        name
    });
    let made = private(path).and_then(|_| {
        let mut left = beside.iter().map(Path::new).filter(|path| path.exists());
        left.try_for_each(|path| private(path).map(drop))
    });
    made.map_err(|error| OpenError::File(path.into(), error))
}

/// Holds that the file is there, so that the error names it.
pub(super) fn find(path: &Path) -> Result<(), OpenError> {
    // Not by opening it: closing a file drops every lock that this process has on it, SQLite's too.
    fs::metadata(path)
        .map(drop)
        .map_err(|error| OpenError::File(path.into(), error))
}

/// How every connection is made.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .disable_statement_logging()
}

/// How the connection that writes is made, beyond that. `secure_delete` overwrites what is erased
/// with zeros.
pub(super) fn for_writing(options: &SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
        .pragma("cache_size", CACHE_SIZE)
}

/// Brings the tables up to date.
pub(super) async fn migrate(options: &SqliteConnectOptions) -> Result<(), OpenError> {
    let mut connection = for_writing(options).connect().await?;
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
pub(super) async fn check_version(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let (found,): (i64,) = sqlx::query_as("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await?;
    if found == known() {
        Ok(())
    } else {
        Err(OpenError::OtherVersion {
            found,
            known: known(),
        })
    }
}

fn known() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// Opens a file that its owner alone may read, and makes it if it is not there. One that others may read
/// or write is made private.
pub(super) fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            file = %path.display(),
            mode = format!("{:o}", mode & 0o777),
            "other accounts could open a file of the store; removed their permissions"
        );
        file.set_permissions(fs::Permissions::from_mode(mode & 0o600))?;
    }
    Ok(file)
}
