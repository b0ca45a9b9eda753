//! Why a store could not be opened.

use std::{io, path::PathBuf};

use sqlx::migrate::MigrateError;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another service has it.
    #[error("the store `{0}` is in use by another `keylend serve`")]
    InUse(PathBuf),
    /// The file cannot be made or locked.
    #[error("the store `{0}` cannot be opened")]
    File(PathBuf, #[source] io::Error),
    /// The text is not an address of a database. It is not repeated, since it may hold a password.
    #[error("the store's address cannot be read: write `postgres://user@host:port/database`")]
    Address,
    /// An earlier Keylend has written to it, or nobody yet.
    #[error(
        "the store has the tables of version {found}, and this Keylend needs {known}: run \
         `keylend store migrate`"
    )]
    NotMigrated {
        /// The version of the tables; 0 where there are none.
        found: i64,
        /// The version that this program knows.
        known: i64,
    },
    /// A later Keylend has written to it, or one whose tables are not up to date yet.
    #[error("the store has the tables of version {found}, and this Keylend knows {known}")]
    OtherVersion {
        /// The version of the tables.
        found: i64,
        /// The version that this program knows.
        known: i64,
    },
    /// The database's schema `keylend` is not Keylend's alone, or cannot be.
    #[error("{0}")]
    Schema(String),
    /// The tables cannot be brought up to date.
    #[error("the store's tables cannot be brought up to date")]
    Migration(#[from] MigrateError),
    /// The database does not answer.
    #[error("the store does not answer")]
    Database(#[from] sqlx::Error),
}
