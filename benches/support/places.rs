//! Where the store of a benchmark is: a file, or a database of its own on a real server, both with
//! every commit flushed to the disk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use keylend::store::{Address, Database};
use tempfile::TempDir;

use super::postgres::Postgres;

pub enum StorePlace {
    Sqlite(TempDir),
    Postgres { server: Arc<Postgres>, name: String },
}

impl StorePlace {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A database named `name`, with tables.
    pub async fn postgres(server: &Arc<Postgres>, name: &str) -> Self {
        server.execute(&format!("CREATE DATABASE {name}")).await;
        let place = Self::Postgres {
            server: server.clone(),
            name: name.to_owned(),
        };
        place.address().migrate().await.unwrap();
        place
    }

    pub fn address(&self) -> Address {
        match self {
            Self::Sqlite(folder) => Address::Sqlite(file(folder.path())),
            Self::Postgres { .. } => self.url().unwrap().parse().unwrap(),
        }
    }

    /// Where the database is, if it is on a server.
    pub fn url(&self) -> Option<String> {
        let Self::Postgres { server, name } = self else {
            return None;
        };
        let url = server.admin_url();
        Some(url.replace("/postgres?", &format!("/{name}?")))
    }

    pub async fn open(&self) -> Arc<dyn Database> {
        self.address()
            .open(
                "the same for all",
                &keylend::store::StoreKey::derive(&[0; 32]),
            )
            .await
            .unwrap()
    }
}

/// The file in `folder` that the program is configured with.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("keylend.db")
}
