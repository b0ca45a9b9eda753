//! Moving a whole history from one store to an empty one.
//!
//! The tables are copied row by row, as they are, in one transaction of the new store: the log's
//! text and hashes are the same afterwards, or nothing is there. What belongs to replicas at work is
//! left behind. Nobody may be at work on either store meanwhile.

use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Address, OpenError, RawEntry, StoreKey, postgres, sqlite, tables::Batch};

/// Batches that may wait between the two stores.
pub(super) const QUEUE: usize = 4;

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
pub(super) async fn at_rest(from: &Address) -> Result<ExclusiveStore, CopyError> {
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

    /// The log's entries behind `after`, marked by whether their codes are valid under `key`.
    pub(super) async fn entries(
        &mut self,
        after: u64,
        limit: u32,
        key: &StoreKey,
    ) -> sqlx::Result<Vec<RawEntry>> {
        either!(self, alone => alone.dump().entries(after, limit, key).await)
    }

    /// Gives what followers of the log keep new codes, where theirs are valid under `old`, or without it
    /// all of it.
    pub(super) async fn recode_followers(
        &mut self,
        key: &StoreKey,
        old: Option<&StoreKey>,
    ) -> sqlx::Result<()> {
        either!(self, alone => alone.dump().recode_followers(key, old).await)
    }

    /// Lets entries of the log get other codes, and answers what [`forbid_updates`](Self::forbid_updates)
    /// needs: for everybody else, the log stays append-only.
    pub(super) async fn allow_updates(&mut self) -> sqlx::Result<String> {
        either!(self, alone => alone.allow_updates().await)
    }

    /// Makes the log append-only again.
    pub(super) async fn forbid_updates(&mut self, trigger: String) -> sqlx::Result<()> {
        either!(self, alone => alone.forbid_updates(trigger).await)
    }

    /// Gives entries other codes: each is an array of a number and a code.
    pub(super) async fn recode(&mut self, codes: Vec<Value>) -> sqlx::Result<()> {
        either!(self, alone => alone.dump().recode(codes).await)
    }

    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        either!(self, alone => alone.dump().commit().await)
    }
}
