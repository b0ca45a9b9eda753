//! Moving a whole history from one store to an empty one.
//!
//! The tables are copied row by row, as they are, in one transaction of the new store: the log's
//! text and hashes are the same afterwards, or nothing is there. What belongs to replicas at work is
//! left behind. Nobody may be at work on either store meanwhile.

use secrecy::ExposeSecret as _;
use tokio::sync::mpsc;

use super::{Address, OpenError, postgres, sqlite};

/// Batches that may wait between the two stores.
pub(super) const QUEUE: usize = 4;

/// What one column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number.
    Number,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// A table, how many of its columns are its key, and its columns.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: usize,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// A value as both databases know it.
pub(super) enum Cell {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Rows of one table, in its order.
pub(super) struct Batch {
    pub(super) table: &'static Table,
    pub(super) rows: Vec<Vec<Cell>>,
}

use Kind::{Bytes, Number, Text};

/// Tables that are left behind: they belong to replicas at work, to the database's migrations, or follow
/// from the log.
pub(super) const LEFT_BEHIND: &[&str] = &[
    "_sqlx_migrations",
    "claims",
    "deliveries",
    "kept_people",
    "outdated",
    "replicas",
    "service",
];

/// What is copied. What refers to something comes behind it, and the log is in its order.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "events",
        key: 1,
        columns: &[
            ("seq", Number),
            ("at", Text),
            ("request_id", Text),
            ("kind", Text),
            ("actor", Text),
            ("rules", Text),
            ("body", Text),
            ("prev_hash", Text),
            ("hash", Text),
            ("version", Number),
            ("texts", Text),
        ],
    },
    Table {
        name: "requests",
        key: 1,
        columns: &[
            ("id", Text),
            ("version", Number),
            ("requester", Text),
            ("scope", Text),
            ("state", Text),
            ("open", Number),
            ("asked_at", Number),
            ("failures", Number),
            ("last_seq", Number),
            ("snapshot", Text),
            ("awaits", Number),
        ],
    },
    Table {
        name: "due",
        key: 2,
        columns: &[("request_id", Text), ("lane", Text), ("due_at", Number)],
    },
    Table {
        name: "layers",
        key: 2,
        columns: &[
            ("request_id", Text),
            ("layer", Number),
            ("entitlement", Text),
            ("managed", Number),
            ("goes_on", Number),
        ],
    },
    Table {
        name: "locks",
        key: 1,
        columns: &[("target", Text), ("set_at", Number), ("lock", Text)],
    },
    Table {
        name: "credentials",
        key: 2,
        columns: &[("request_id", Text), ("layer", Number), ("sealed", Bytes)],
    },
    Table {
        name: "cursors",
        key: 1,
        columns: &[("name", Text), ("seq", Number)],
    },
    Table {
        name: "documents",
        key: 2,
        columns: &[
            ("collection", Text),
            ("key", Text),
            ("version", Number),
            ("due_at", Number),
            ("is_urgent", Number),
            ("body", Text),
        ],
    },
    Table {
        name: "document_refs",
        key: 3,
        columns: &[("collection", Text), ("key", Text), ("refers_to", Text)],
    },
];

/// Why a history was not copied; nothing of it is in the new store.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store that has the history cannot be read.
    #[error("the history cannot be read")]
    From(#[source] OpenError),
    /// The new store cannot be written.
    #[error("the new store cannot be written")]
    To(#[source] OpenError),
    /// Somebody is at work on it.
    #[error("replicas are at work on `{0}`: stop them first")]
    AtWork(String),
    /// There is a history already.
    #[error("`{0}` is not empty")]
    NotEmpty(String),
}

/// Copies everything that is in `from` to `to`, whose tables are made if they are not there. Answers
/// what the owner of the new database has to do, if Keylend may not do it.
///
/// # Errors
///
/// If somebody is at work on either store, if the new one is not empty, or if one of them fails.
pub async fn copy(from: &Address, to: &Address) -> Result<Option<String>, CopyError> {
    let mut source = at_rest(from).await?;
    let (mut target, advice) = empty(to).await?;
    let (batches, queue) = mpsc::channel(QUEUE);
    let (read, written) = tokio::join!(source.read(batches), target.write(queue));
    read.map_err(|error| CopyError::From(error.into()))?;
    written.map_err(|error| CopyError::To(error.into()))?;
    target
        .commit()
        .await
        .map_err(|error| CopyError::To(error.into()))?;
    Ok(advice)
}

/// The store that has a history, if nobody is at work on it.
async fn at_rest(from: &Address) -> Result<ExclusiveStore, CopyError> {
    let mut source = ExclusiveStore::open(from).await.map_err(CopyError::From)?;
    match source.is_at_work().await.map_err(CopyError::From)? {
        true => Err(CopyError::AtWork(from.to_string())),
        false => Ok(source),
    }
}

/// Refuses a store that somebody is at work on.
pub(super) async fn is_at_rest(from: &Address) -> Result<(), CopyError> {
    at_rest(from).await.map(drop)
}

/// A store with tables and nothing in them that nobody is at work on; and what the owner of its
/// database has to do, if Keylend may not do it.
pub(super) async fn empty(to: &Address) -> Result<(ExclusiveStore, Option<String>), CopyError> {
    let advice = to.migrate().await.map_err(CopyError::To)?;
    let mut target = ExclusiveStore::open(to).await.map_err(CopyError::To)?;
    if target.is_at_work().await.map_err(CopyError::To)? {
        return Err(CopyError::AtWork(to.to_string()));
    }
    if !target.is_empty().await.map_err(CopyError::To)? {
        return Err(CopyError::NotEmpty(to.to_string()));
    }
    Ok((target, advice))
}

/// A connection to a store that nobody else works on, in a transaction.
pub(super) enum ExclusiveStore {
    Sqlite(sqlite::ExclusiveStore),
    Postgres(postgres::ExclusiveStore),
}

/// Does the same with either.
macro_rules! either {
    ($alone:expr, $one:ident => $does:expr) => {
        match $alone {
            Self::Sqlite($one) => $does,
            Self::Postgres($one) => $does,
        }
    };
}

impl ExclusiveStore {
    async fn open(address: &Address) -> Result<Self, OpenError> {
        Ok(match address {
            Address::Sqlite(path) => Self::Sqlite(sqlite::ExclusiveStore::open(path).await?),
            Address::Postgres(url) => {
                Self::Postgres(postgres::ExclusiveStore::open(url.expose_secret()).await?)
            }
        })
    }

    async fn is_at_work(&mut self) -> Result<bool, OpenError> {
        either!(self, alone => Ok(alone.is_at_work().await?))
    }

    async fn is_empty(&mut self) -> Result<bool, OpenError> {
        either!(self, alone => Ok(alone.dump().is_empty().await?))
    }

    async fn read(&mut self, batches: mpsc::Sender<Batch>) -> sqlx::Result<()> {
        either!(self, alone => alone.dump().read(batches).await)
    }

    pub(super) async fn write(&mut self, batches: mpsc::Receiver<Batch>) -> sqlx::Result<()> {
        either!(self, alone => alone.dump().write(batches).await)
    }

    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        either!(self, alone => alone.dump().commit().await)
    }
}
