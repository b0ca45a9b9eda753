//! What only PostgreSQL promises: several replicas on one store.

use keylend::store::PostgresStore;

use crate::server::Postgres;

/// A database on a server of the test's own.
pub(crate) struct Database {
    server: Postgres,
}

impl Database {
    /// One with tables.
    pub(crate) async fn new() -> Self {
        let server = Postgres::start().await;
        PostgresStore::migrate(&server.admin_url())
            .await
            .expect("tables");
        Self { server }
    }

    /// A replica with the configuration that all have.
    pub(crate) async fn open(&self) -> PostgresStore {
        self.open_with("the configuration").await
    }

    async fn open_with(&self, configuration: &str) -> PostgresStore {
        PostgresStore::open(&self.server.admin_url(), configuration)
            .await
            .expect("a store")
    }
}
