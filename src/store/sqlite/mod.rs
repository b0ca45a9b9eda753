//! The store on one SQLite file: for one process, the default.
//!
//! One connection writes and gathers whatever waits into one transaction; a few others read. The
//! file is made for its owner alone and belongs to one service at a time. Every wait has an end. When
//! the disk is full, a reserve beside the file lets access end.
//! It refuses files that a later Keylend has written to.

mod claims;
mod db;
mod exclusive;
mod file;
mod reserve;
mod write_connection;

#[path = "../sql/commit.rs"]
mod commit;
#[path = "../sql/credentials.rs"]
mod credentials;
#[path = "../sql/deliveries.rs"]
mod deliveries;
#[path = "../sql/documents.rs"]
mod documents;
#[path = "../sql/dump.rs"]
mod dump;
#[path = "../sql/high_water.rs"]
mod high_water;
#[path = "../sql/locks.rs"]
mod locks;
#[path = "../sql/log.rs"]
mod log;
#[path = "../sql/pending_writes.rs"]
mod pending_writes;
#[path = "../sql/people.rs"]
mod people;
#[path = "../sql/read.rs"]
mod read;
#[path = "../sql/requests.rs"]
mod requests;
#[path = "../sql/run.rs"]
mod run;
#[path = "../sql/store.rs"]
mod store;
#[path = "../sql/view.rs"]
mod view;
#[path = "../sql/work.rs"]
mod work;
#[path = "../sql/writer.rs"]
mod writer;

use std::{path::Path, sync::Arc};

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqlitePool, SqlitePoolOptions},
};
use tokio::time::timeout;

pub(super) use exclusive::ExclusiveStore;
pub(super) use log::row as event_row;
pub(super) use requests::layer_rows;
pub(super) use view::View;
pub(super) use work::rows as due_rows;

use super::{
    Claims, OpenError, StoreKey,
    answer::{PATIENCE, answer, unavailable},
};
use reserve::Reserve;
use write_connection::Source;
use writer::{Notifier, Writer};

/// Connections that read.
const READERS: u32 = 4;

/// The store on one SQLite file.
///
/// A commit that was not answered within five seconds is
/// [`CommitError::Unavailable`](super::CommitError::Unavailable) and is not begun any more; one that
/// was begun may still happen, so load again before trying again.
#[derive(Debug)]
pub struct SqliteStore {
    reads: SqlitePool,
    /// Nothing if the file was opened for reading only.
    writer: Option<Writer>,
    news: Notifier,
    claims: Arc<Claims>,
    /// The key of the entries' authentication codes; nothing if it was opened for reading without it.
    key: Option<StoreKey>,
}

/// What the shared statements call it.
type Database = SqliteStore;

impl SqliteStore {
    /// Opens the file for a service, makes it if it is not there (readable by its owner alone),
    /// and brings its tables up to date. `key` is that of the entries' authentication codes. Has to be
    /// called in a Tokio runtime, on which the writer then runs.
    ///
    /// # Errors
    ///
    /// If another service has the file, if it cannot be read or written, or if a later Keylend
    /// has written to it.
    pub async fn open(path: &Path, key: &StoreKey) -> Result<Self, OpenError> {
        let lock = file::lock(path)?;
        file::create(path)?;
        let options = file::options(path);
        file::migrate(&options).await?;
        let reads = readers(path).await?;
        let news = Notifier::default();
        let reserve = Reserve::beside(path);
        let reserve = reserve.map_err(|error| OpenError::File(path.into(), error))?;
        let source = Source {
            key: key.clone(),
            options,
            reserve,
            _lock: lock,
        };
        let writer = Writer::start(source, news.clone()).await?;
        Ok(Self {
            reads,
            writer: Some(writer),
            news,
            claims: Arc::default(),
            key: Some(key.clone()),
        })
    }

    /// Makes the file if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// See [`open`](Self::open).
    pub async fn migrate(path: &Path) -> Result<(), OpenError> {
        let _lock = file::lock(path)?;
        file::create(path)?;
        file::migrate(&file::options(path)).await
    }

    /// Opens the file for reading, also while a service writes to it; commits are refused. The
    /// head is the one at this moment and does not move. Without the key, it is not known who wrote the
    /// entries.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or was written by another version of Keylend.
    pub async fn open_read_only(path: &Path, key: Option<&StoreKey>) -> Result<Self, OpenError> {
        file::find(path)?;
        let reads = readers(path).await?;
        let mut connection = reads.acquire().await?;
        file::check_version(&mut connection).await?;
        let news = Notifier::default();
        let seq = log::end(&mut connection).await?.seq();
        news.reaches(seq);
        Ok(Self {
            reads,
            writer: None,
            news,
            claims: Arc::default(),
            key: key.cloned(),
        })
    }

    /// One view of the file as it is now, also while a service writes to it.
    pub(super) async fn view(path: &Path, key: Option<&StoreKey>) -> Result<View, OpenError> {
        file::find(path)?;
        let mut connection = file::options(path).read_only(true).connect().await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        // The first look fixes the view.
        file::check_version(&mut connection).await?;
        Ok(View::over(connection, key.cloned()))
    }

    async fn shut(&self) {
        let closing = async {
            if let Some(writer) = &self.writer {
                writer.close().await;
            }
            self.reads.close().await;
        };
        if timeout(PATIENCE, closing).await.is_err() {
            tracing::warn!("failed to close the store in time; nothing that was committed is lost");
        }
    }
}

async fn readers(path: &Path) -> Result<SqlitePool, OpenError> {
    Ok(SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_with(file::options(path).read_only(true))
        .await?)
}
