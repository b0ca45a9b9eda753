//! Where a store is, and opening it there.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use secrecy::{ExposeSecret, SecretString};

use super::{Clocks, Database, OpenError, PostgresStore, SqliteStore, Store, StoreKey, View};
use crate::transport::{leaves_encryption_open, postgres_options, postgres_warnings};

/// Where a store is: `sqlite://PATH` or `postgres://USER@HOST:PORT/DATABASE`.
#[derive(Debug, Clone)]
pub enum Address {
    /// One file, for one process.
    Sqlite(PathBuf),
    /// A PostgreSQL server, for several replicas. The URL may hold a password. What it leaves out
    /// comes from the variables and files that `psql` reads too: `PGPASSWORD`, `PGSSLROOTCERT`,
    /// `~/.pgpass`.
    Postgres(SecretString),
}

/// Why a text is not where a store is. It is not repeated, since it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAddress {
    /// It is not the URL of a store.
    #[error(
        "this is not the URL of a store: it must start with `sqlite://` or `postgres://`, such as \
         `sqlite:///var/lib/keylend/keylend.db` or \
         `postgres://keylend@db.example.com/keylend?sslmode=verify-full`"
    )]
    NotAStore,
    /// It leaves it to a server elsewhere whether the connection is encrypted.
    #[error(
        "the store's URL doesn't say whether the connection is encrypted: add \
         `?sslmode=verify-full`, or `?sslmode=disable` if nobody else can read or change what goes \
         over this network"
    )]
    EncryptionOpen,
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("://") {
            Some(("sqlite", file)) if !file.is_empty() => Ok(Self::Sqlite(file.into())),
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => {
                match postgres_options(text) {
                    Err(_) => Err(InvalidAddress::NotAStore),
                    Ok(options) if leaves_encryption_open(text, &options) => {
                        Err(InvalidAddress::EncryptionOpen)
                    }
                    Ok(_) => Ok(Self::Postgres(text.into())),
                }
            }
            _ => Err(InvalidAddress::NotAStore),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            // Without the password, and without what may be one.
            Self::Postgres(url) => match url::Url::parse(url.expose_secret()) {
                Ok(url) => write!(
                    f,
                    "postgres://{}{}",
                    url.host_str().unwrap_or_default(),
                    url.path()
                ),
                Err(_) => f.write_str("postgres://…"),
            },
        }
    }
}

impl Address {
    /// What the URL allows and its author probably does not mean, in sentences without a secret.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::Sqlite(_) => Vec::new(),
            Self::Postgres(url) => postgres_warnings(url.expose_secret()),
        }
    }

    /// Opens the store for a service. `configuration` is a digest of what replicas have to agree
    /// on, and `key` is that of the entries' authentication codes. A file is made if it is not there, and
    /// its tables are brought up to date; a server's are not.
    ///
    /// # Errors
    ///
    /// If another service has the file, if it cannot be read or written, or if the tables are of
    /// another version.
    pub async fn open(
        &self,
        configuration: &str,
        key: &StoreKey,
    ) -> Result<Arc<dyn Database>, OpenError> {
        self.open_for(configuration, key, None).await
    }

    /// The same for a replica whose clock is compared with the store's: one that is wrong keeps it on
    /// [standby](Store::standby_reason).
    ///
    /// # Errors
    ///
    /// See [`open`](Self::open).
    pub async fn open_in_step(
        &self,
        configuration: &str,
        key: &StoreKey,
        clocks: Clocks,
    ) -> Result<Arc<dyn Database>, OpenError> {
        self.open_for(configuration, key, Some(clocks)).await
    }

    async fn open_for(
        &self,
        configuration: &str,
        key: &StoreKey,
        clocks: Option<Clocks>,
    ) -> Result<Arc<dyn Database>, OpenError> {
        Ok(match self {
            // The machine's clock is the only one.
            Self::Sqlite(path) => Arc::new(SqliteStore::open(path, key).await?),
            Self::Postgres(url) => {
                let url = url.expose_secret();
                Arc::new(PostgresStore::open_for(url, configuration, key, clocks).await?)
            }
        })
    }

    /// Opens the store for reading, also while services write to it. Without the key, it is not known
    /// who wrote the entries of the log.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or was written by another version of Keylend.
    pub async fn open_read_only(
        &self,
        key: Option<&StoreKey>,
    ) -> Result<Arc<dyn Store>, OpenError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(SqliteStore::open_read_only(path, key).await?),
            Self::Postgres(url) => {
                Arc::new(PostgresStore::open_read_only(url.expose_secret(), key).await?)
            }
        })
    }

    /// Opens one view of the store as it is now, also while services write to it. Without the key, it is
    /// not known who wrote the entries of the log.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or was written by another version of Keylend.
    pub async fn view(&self, key: Option<&StoreKey>) -> Result<View, OpenError> {
        Ok(match self {
            Self::Sqlite(path) => View::Sqlite(SqliteStore::view(path, key).await?),
            Self::Postgres(url) => {
                View::Postgres(PostgresStore::view(url.expose_secret(), key).await?)
            }
        })
    }

    /// Makes the tables, or brings them up to date. Answers what the database's owner has to do, if
    /// Keylend may not do it.
    ///
    /// # Errors
    ///
    /// If another service has the file, if the server does not answer or does not let this user
    /// make tables, or if a later Keylend has been there.
    pub async fn migrate(&self) -> Result<Option<String>, OpenError> {
        match self {
            Self::Sqlite(path) => {
                SqliteStore::migrate(path).await?;
                Ok(None)
            }
            Self::Postgres(url) => PostgresStore::migrate(url.expose_secret()).await,
        }
    }
}
