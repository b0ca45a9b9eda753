//! Waits for locks on catalogues that every new connection reads.

use std::time::Duration;

use keylend::backend::Presence;
use sqlx::Connection as _;

use super::does;
use crate::part::{Part, run};
use crate::subject::Calls as _;

/// Mallory keeps every later connection to the server waiting; an end is tried again until it works.
async fn ends_behind_a_queue_on(catalogue: &str) {
    let part = Part::start_alone("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut reading = part.enter(&mallory).await;
    let mut asking = part.enter(&mallory).await;
    let mut watching = part.postgres().superuser().await;
    let waits = "SELECT FROM pg_lock_status() WHERE NOT granted AND mode = 'AccessExclusiveLock'";
    sqlx::query(waits).fetch_all(&mut watching).await.unwrap();
    does(
        &mut reading,
        &format!("BEGIN; SELECT count(*) FROM pg_catalog.{catalogue}"),
    )
    .await;
    let ask = format!("CREATE TEMP TABLE t PARTITION OF pg_catalog.{catalogue} DEFAULT");
    let asking = tokio::spawn(async move { run(&mut asking, &ask).await });
    while sqlx::query(waits)
        .fetch_all(&mut watching)
        .await
        .unwrap()
        .is_empty()
    {
        assert!(!asking.is_finished(), "it does not wait");
    }
    let ending = async {
        let mut tries = Vec::new();
        while let Err(error) = part.backend.revoke(&order).await {
            tries.push(error.to_string());
            assert!(tries.len() < 4, "{tries:#?}");
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), ending).await;
    ended.expect("ended");
    assert_eq!(part.backend.status(&order).await.unwrap(), Presence::Absent);
    drop(reading.close().await);
}

#[tokio::test]
async fn a_wait_for_a_lock_on_the_databases_holds_up_no_end() {
    ends_behind_a_queue_on("pg_database").await;
}

#[tokio::test]
async fn a_wait_for_a_lock_on_the_tables_holds_up_no_end() {
    ends_behind_a_queue_on("pg_class").await;
}

#[tokio::test]
async fn a_wait_for_a_lock_on_the_columns_holds_up_no_end() {
    ends_behind_a_queue_on("pg_attribute").await;
}

#[tokio::test]
#[ignore = "finding 13 of docs/security-review.md"]
async fn a_wait_for_a_lock_on_the_types_holds_up_no_end() {
    ends_behind_a_queue_on("pg_type").await;
}
