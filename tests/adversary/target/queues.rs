//! Waits for locks on catalogues that PostgreSQL reads to connect, and to understand a statement.

use sqlx::Connection as _;

use super::does;
use crate::part::{Part, run};

/// What Keylend's statements need, in one database and in the whole server. The catalogues of roles have
/// tests of their own, among those of sessions.
const CATALOGUES: [&str; 16] = [
    "pg_type",
    "pg_proc",
    "pg_operator",
    "pg_namespace",
    "pg_cast",
    "pg_class",
    "pg_attribute",
    "pg_index",
    "pg_am",
    "pg_amop",
    "pg_opclass",
    "pg_collation",
    "pg_database",
    "pg_db_role_setting",
    "pg_shdescription",
    "pg_shdepend",
];

/// Mallory keeps whatever reads `catalogue` later waiting. The access ends all the same.
async fn ends_behind_a_queue_on(part: &Part, catalogue: &str, alice: &str, mallory: &str) {
    let order = part.named(alice);
    part.grant(&order).await.expect("granted");
    let mut reading = part.enter(mallory).await;
    let mut asking = part.enter(mallory).await;
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
        assert!(!asking.is_finished(), "{catalogue}: it does not wait");
    }
    part.end(&order).await;
    drop(reading.close().await);
    drop(asking.await);
}

#[tokio::test]
async fn a_wait_for_a_lock_on_a_catalogue_holds_up_no_end() {
    let part = Part::start_alone("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    for catalogue in CATALOGUES {
        ends_behind_a_queue_on(&part, catalogue, &alice, &mallory).await;
    }
}

/// Keylend ends the sessions that keep it waiting, and no others.
#[tokio::test]
async fn who_waits_for_a_table_of_their_own_goes_on_waiting() {
    let part = Part::start_alone("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let bob = part.person("bob", "").await;
    let name = &part.name;
    let table = format!("{name}_of_bob");
    part.administers(&format!(
        "CREATE TABLE {table} (line text); ALTER TABLE {table} OWNER TO {bob}"
    ))
    .await;
    let mut holding = part.enter(&bob).await;
    does(&mut holding, &format!("BEGIN; LOCK TABLE {table}")).await;
    let mut waiting = part.enter(&bob).await;
    let lock = format!("BEGIN; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
    let waiting = tokio::spawn(async move { run(&mut waiting, &lock).await });
    let waits = "SELECT FROM pg_locks WHERE NOT granted";
    while part.postgres().query(waits).await.is_empty() {
        assert!(!waiting.is_finished(), "it does not wait");
    }

    ends_behind_a_queue_on(&part, "pg_type", &alice, &mallory).await;
    assert!(!waiting.is_finished());
    does(&mut holding, "COMMIT").await;
    waiting.await.unwrap().expect("locked in the end");
}
