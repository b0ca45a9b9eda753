//! What every implementation of `store::Store` and `store::Documents` holds to. Each rule is a function of a store; the
//! macro `holds` makes a test of it for each implementation, the simulation's store in memory among
//! them. What only one of the others promises is in `sqlite` and `postgres`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/clock.rs"]
mod clock;
mod clocks;
mod commit;
mod documents;
mod log;
#[path = "../simulation/store/mod.rs"]
#[allow(dead_code, reason = "the simulation needs more of it")]
mod memory;
mod moving;
mod notes;
mod postgres;
mod sqlite;
mod story;
mod wire;
mod work;

#[path = "../support/postgres.rs"]
mod server;

use std::{path::PathBuf, sync::Arc};

use keylend::store::{Database, SqliteStore};
use tempfile::TempDir;

/// Makes a test of every rule named, for every implementation.
macro_rules! holds {
    ($($rule:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $rule() {
                    let file = crate::SqliteFile::new();
                    super::$rule(file.store().await).await;
                }
            )+
        }

        mod in_memory {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $rule() {
                    let store = crate::memory::MemoryStore::new(Default::default(), 1);
                    super::$rule(std::sync::Arc::new(store)).await;
                }
            )+
        }

        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $rule() {
                    let database = crate::postgres::Database::new().await;
                    super::$rule(std::sync::Arc::new(database.open().await)).await;
                }
            )+
        }
    };
}
pub(crate) use holds;

/// A SQLite file in a folder of its own, which goes when this is dropped.
struct SqliteFile {
    folder: TempDir,
}

impl SqliteFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keylend.db")
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path(), &keylend::store::StoreKey::derive(&[0x5e; 32]))
            .await
            .expect("a store")
    }

    async fn store(&self) -> Arc<dyn Database> {
        Arc::new(self.open().await)
    }
}
