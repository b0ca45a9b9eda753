//! What a replica has compared with the log does not count any more once the log says more, whoever
//! wrote that.

use std::sync::Arc;

use keylend::{
    broker::Ask,
    domain::{Refusal, RequestId},
    store::{SqliteStore, Store as _},
};
use sqlx::Connection as _;

use crate::replica::{Replica, SCOPE, user};

#[tokio::test]
async fn a_request_that_another_replica_denied_is_not_approved_on_its_old_row() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keylend.db");
    let store = Arc::new(SqliteStore::open(&file).await.unwrap());
    let one = Replica::start(store.clone(), Arc::default()).await;
    let other = Replica::start(store, Arc::default()).await;
    let id = one.ask("alice").await;
    let own = one.broker.approve(&user("alice"), id, 1).await;
    assert!(matches!(own, Err(Refusal::Forbidden(_))), "{own:?}");

    let url = format!("sqlite://{}", file.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for statement in [
        "CREATE TABLE kept AS SELECT version, state, open, awaits, snapshot FROM requests",
        "UPDATE requests SET (version, state, open, awaits, snapshot) = (SELECT * FROM kept)",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        if statement.starts_with("CREATE") {
            let denied = other.broker.deny(&user("bob"), id, 1, "not today").await;
            denied.unwrap();
        }
    }
    let approved = one.broker.approve(&user("bob"), id, 1).await;
    assert!(
        matches!(approved, Err(Refusal::Contradicted(_))),
        "{approved:?}"
    );
}

#[tokio::test]
async fn a_request_whose_rows_were_deleted_does_not_begin_again_when_slack_delivers_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keylend.db");
    let store = Arc::new(SqliteStore::open(&file).await.unwrap());
    let replica = Replica::start(store.clone(), Arc::default()).await;
    let ask = || Ask {
        id: RequestId::derive("delivered twice"),
        by: user("alice"),
        scope: SCOPE.parse().unwrap(),
        duration: None,
        ticket: None,
        reason: String::new(),
        mirrors: Vec::new(),
    };
    let first = replica.broker.ask(ask()).await.unwrap();

    let url = format!("sqlite://{}", file.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for table in ["due", "identities", "cards"] {
        let delete = format!("DELETE FROM {table}");
        sqlx::query(sqlx::AssertSqlSafe(delete))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::query("DELETE FROM requests")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(replica.broker.ask(ask()).await.unwrap(), first);
    assert_eq!(store.raw_entries(0, 10).await.unwrap().len(), 1);
}
