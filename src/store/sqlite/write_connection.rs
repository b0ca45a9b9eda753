//! The connection that writes to the file.

use std::{fs::File, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::{
    db::Connection,
    file::{BUSY, for_writing},
    log,
    reserve::Reserve,
};
use crate::store::{Chain, StoreKey};

/// How often a transaction is tried: a file that fails does not come back by itself.
pub(super) const TRIES: u32 = 1;

/// How long readers are waited for when the write-ahead log is cut.
const TIDY_PATIENCE: Duration = Duration::from_millis(100);

/// Where lines come from. It keeps the lock on the file until it is dropped.
pub(super) struct Source {
    /// The key of the entries' authentication codes.
    pub(super) key: StoreKey,
    pub(super) options: SqliteConnectOptions,
    pub(super) reserve: Reserve,
    pub(super) _lock: File,
}

/// The connection, and the end of the chain that it appends to.
pub(super) struct WriteConnection {
    pub(super) connection: Connection,
    pub(super) chain: Chain,
}

impl Source {
    /// How long to wait before a transaction is tried again.
    pub(super) fn pause(&self, _failures: u32) -> Duration {
        Duration::ZERO
    }

    /// Whether space on the disk is kept for access that ends.
    pub(super) fn has_reserve(&self) -> bool {
        self.reserve.is_kept()
    }

    /// Gives that space back to the disk, if the disk is full and it was kept: true if it was.
    pub(super) fn release_reserve(&self, error: &sqlx::Error) -> bool {
        is_of_the_disk(error) && self.reserve.release()
    }

    /// Keeps it again, if the disk has enough.
    pub(super) fn restore_reserve(&self) -> bool {
        self.reserve.keep()
    }
}

impl WriteConnection {
    pub(super) async fn open(source: &Source) -> sqlx::Result<Self> {
        let mut connection = for_writing(&source.options).connect().await?;
        let chain = log::end(&mut connection).await?;
        Ok(Self { connection, chain })
    }

    /// Answers how the log ends, and the hash of its entry `seen`.
    pub(super) async fn begin(
        &mut self,
        source: &Source,
        seen: u64,
    ) -> sqlx::Result<Option<log::End>> {
        self.execute("BEGIN IMMEDIATE").await?;
        let end = log::end_and(&mut self.connection, &source.key, seen).await?;
        // Behind what somebody else has appended, what ends access is still written.
        self.chain = end.chain.clone();
        Ok(Some(end))
    }

    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        self.execute("COMMIT").await
    }

    pub(super) async fn execute(&mut self, statement: &'static str) -> sqlx::Result<()> {
        sqlx::query(statement)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }
}

/// Whether the connection failed, rather than a statement.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_))
}

/// Whether there may be too little space: SQLite says that the disk is full, or that the file could not
/// be written, which is what it makes of some of the calls that find no space.
fn is_of_the_disk(error: &sqlx::Error) -> bool {
    const SQLITE_IOERR: u32 = 10;
    const SQLITE_FULL: u32 = 13;

    let code = error.as_database_error().and_then(|error| error.code());
    // The lowest eight bits are the code, the others say more of it.
    let code = code.and_then(|code| Some(code.parse::<u32>().ok()? & 0xff));
    matches!(code, Some(SQLITE_IOERR | SQLITE_FULL))
}

/// Empties the write-ahead log and says whether nothing stood in the way. While it waits for readers
/// nobody can write, so it does not wait long.
pub(super) async fn truncate_wal(connection: &mut Connection) -> sqlx::Result<bool> {
    async fn patience(connection: &mut Connection, time: Duration) -> sqlx::Result<()> {
        let statement = format!("PRAGMA busy_timeout = {}", time.as_millis());
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(connection)
            .await
            .map(drop)
    }
    patience(connection, TIDY_PATIENCE).await?;
    let cut = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *connection)
        .await;
    patience(connection, BUSY).await?;
    let (busy, _, _): (i64, i64, i64) = cut?;
    Ok(busy == 0)
}
