//! A user of the store's database who keeps others waiting for its system catalogues.

use std::time::Duration;

use keylend::store::PostgresStore;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::time::timeout;

use crate::{
    store::Fixture,
    story::{asked, at, commit},
};

/// How long something may take that has to come about.
const PATIENCE: Duration = Duration::from_secs(20);

async fn run(session: &mut PgConnection, statements: &str) -> sqlx::Result<()> {
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(session).await.map(drop)
}

/// PostgreSQL waits for the lock on a table that another is to be a part of before it finds that it is
/// not theirs, and everybody who comes later waits behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_waits_for_a_lock_on_a_catalogue_holds_up_no_replica() {
    let fixture = Fixture::new().await;
    fixture.migrate().await.unwrap();
    let store = fixture.open().await;
    commit(&store, asked("one", "alice", "db-prod:write", at(0))).await;

    let mut watching = fixture.session("keylend").await;
    let waits = "SELECT count(*) FROM pg_lock_status() WHERE NOT granted";
    sqlx::query(waits).fetch_one(&mut watching).await.unwrap();
    let mut reading = fixture.session("mallory").await;
    let mut asking = fixture.session("mallory").await;
    run(
        &mut reading,
        "BEGIN; SELECT count(*) FROM pg_catalog.pg_class",
    )
    .await
    .unwrap();
    let asking = tokio::spawn(async move {
        run(
            &mut asking,
            "CREATE TEMP TABLE t PARTITION OF pg_catalog.pg_class DEFAULT",
        )
        .await
    });
    let asked_for = async {
        while !asking.is_finished() {
            let waiting = sqlx::query(waits).fetch_one(&mut watching).await.unwrap();
            if waiting.get::<i64, _>(0) > 0 {
                break;
            }
        }
    };
    timeout(PATIENCE, asked_for)
        .await
        .expect("it is refused, or waits");

    // Another replica starts, and the first one goes on.
    let url = fixture.url("keylend");
    let key = keylend::store::StoreKey::derive(&[0x5e; 32]);
    let opened = PostgresStore::open(&url, "the configuration", &key);
    let opened = timeout(PATIENCE, opened).await;
    assert!(matches!(opened, Ok(Ok(_))), "a replica does not start");
    let committing = commit(&store, asked("two", "bob", "db-prod:write", at(9)));
    timeout(PATIENCE, committing)
        .await
        .expect("committed in time");
    drop(reading);
}
