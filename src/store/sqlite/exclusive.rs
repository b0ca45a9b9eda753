//! A file that nobody else works on.

use std::{fs::File, path::Path};

use sqlx::{AssertSqlSafe, ConnectOptions as _};

use super::{
    db::Connection,
    dump::Dump,
    file::{check_version, find, for_writing, lock, options},
};
use crate::store::OpenError;

/// A transaction on the file, which is this process's until this is dropped.
pub(in crate::store) struct ExclusiveStore {
    connection: Connection,
    _lock: File,
}

impl ExclusiveStore {
    pub(in crate::store) async fn open(path: &Path) -> Result<Self, OpenError> {
        find(path)?;
        let lock = lock(path)?;
        let mut connection = for_writing(&options(path)).connect().await?;
        check_version(&mut connection).await?;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await?;
        Ok(Self {
            connection,
            _lock: lock,
        })
    }

    /// Whether somebody else works on it: then it could not have been opened.
    pub(in crate::store) async fn is_at_work(&mut self) -> sqlx::Result<bool> {
        Ok(false)
    }

    /// Lets entries of the log get other codes until [`forbid_updates`](Self::forbid_updates). Answers the
    /// trigger that stands in the way.
    pub(in crate::store) async fn allow_updates(&mut self) -> sqlx::Result<String> {
        let trigger: (String,) = sqlx::query_as(
            "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'events_are_not_updated'",
        )
        .fetch_one(&mut self.connection)
        .await?;
        sqlx::query("DROP TRIGGER events_are_not_updated")
            .execute(&mut self.connection)
            .await?;
        Ok(trigger.0)
    }

    /// Puts the trigger back.
    pub(in crate::store) async fn forbid_updates(&mut self, trigger: String) -> sqlx::Result<()> {
        let put_back = sqlx::raw_sql(AssertSqlSafe(trigger));
        put_back.execute(&mut self.connection).await.map(drop)
    }

    pub(in crate::store) fn dump(&mut self) -> Dump<'_> {
        Dump::over(&mut self.connection)
    }
}
