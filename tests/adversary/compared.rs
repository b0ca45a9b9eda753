//! What a replica has compared with the log does not count any more once the log says more, whoever
//! wrote that.

use std::sync::Arc;

use keylend::{
    broker::Error,
    domain::Refusal,
    store::{SqliteStore, Store as _},
};
use sqlx::Connection as _;

use crate::{
    intent::intent,
    replica::{Replica, ask_as, user},
};

/// A store, and somebody who writes to its tables.
struct Scene {
    store: Arc<SqliteStore>,
    tables: sqlx::SqliteConnection,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keylend.db");
        let store = Arc::new(
            SqliteStore::open(&file, &keylend::store::StoreKey::derive(&[0x5e; 32]))
                .await
                .unwrap(),
        );
        let url = format!("sqlite://{}", file.display());
        let tables = sqlx::SqliteConnection::connect(&url).await.unwrap();
        Self {
            store,
            tables,
            _folder: folder,
        }
    }

    async fn replica(&self) -> Replica {
        Replica::start(self.store.clone(), Arc::default()).await
    }

    async fn tamper(&mut self, statement: &'static str) {
        let done = sqlx::query(statement).execute(&mut self.tables).await;
        done.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_another_replica_denied_is_not_approved_on_its_old_row() {
    let mut scene = Scene::new().await;
    let (one, other) = (scene.replica().await, scene.replica().await);
    let id = one.ask("alice").await;
    let own = one.broker.approve(&intent(&user("alice")), id, 1).await;
    assert!(
        matches!(own, Err(Error::Refused(Refusal::Forbidden(_)))),
        "{own:?}"
    );

    scene
        .tamper("CREATE TABLE kept AS SELECT version, state, open, awaits, snapshot FROM requests")
        .await;
    let denied = other
        .broker
        .deny(&intent(&user("bob")), id, 1, "not today")
        .await;
    denied.unwrap();
    scene
        .tamper(
            "UPDATE requests SET (version, state, open, awaits, snapshot) = (SELECT * FROM kept)",
        )
        .await;
    let approved = one.broker.approve(&intent(&user("bob")), id, 1).await;
    assert!(
        matches!(approved, Err(Error::Contradicted(_))),
        "{approved:?}"
    );
}

#[tokio::test]
async fn a_request_whose_rows_were_deleted_does_not_begin_again_when_slack_delivers_it_again() {
    let mut scene = Scene::new().await;
    let replica = scene.replica().await;
    let ask = || replica.broker.ask(ask_as("alice", "delivered twice"));
    let first = ask().await.unwrap();
    for statement in ["DELETE FROM due", "DELETE FROM requests"] {
        scene.tamper(statement).await;
    }
    assert_eq!(ask().await.unwrap(), first);
    assert_eq!(scene.store.raw_entries(0, 10).await.unwrap().len(), 1);
}
