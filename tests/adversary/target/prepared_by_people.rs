//! Transactions that people prepare under their own logins, or where Keylend cannot go.

use sqlx::{Connection as _, PgConnection, Row as _};

use super::{GENERATED, does};
use crate::part::{Part, run};

/// Lines that were written with the role.
async fn lines(part: &Part) -> i64 {
    let count = format!("SELECT count(*) FROM {}_ledger", part.name);
    part.postgres().query(&count).await[0].get(0)
}

/// PostgreSQL checks rights when a statement runs, not when its transaction is committed.
#[tokio::test]
#[ignore = "finding 8 of docs/security-review.md"]
async fn what_a_person_prepared_with_a_role_takes_no_effect_after_its_end() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    let prepare = format!("BEGIN; {}; PREPARE TRANSACTION 'later'", part.write());
    does(&mut session, &prepare).await;

    part.end(&order).await;
    let mut session = part.enter(&alice).await;
    let late = run(&mut session, "COMMIT PREPARED 'later'").await;
    assert_eq!(lines(&part).await, 0, "written after the end: {late:?}");
}

/// A database of somebody else's, which they close behind the holder.
#[tokio::test]
#[ignore = "finding 9 of docs/security-review.md"]
async fn a_transaction_prepared_where_keylend_cannot_connect_does_not_hold_up_the_end() {
    let part = Part::start_alone("3s").await;
    let mallory = part.person("mallory", "").await;
    let closed = format!("{}_closed", part.name);
    part.postgres()
        .execute(&format!("CREATE DATABASE {closed} OWNER {mallory}"))
        .await;
    let mut order = part.generated();
    part.lend(&mut order).await;
    let into = |login: &str, password: &str| {
        let url = part.postgres().url_for(login, password);
        url.replace("/postgres?", &format!("/{closed}?"))
    };
    let login = order.handle.as_str();
    let mut session = PgConnection::connect(&into(login, GENERATED))
        .await
        .unwrap();
    does(
        &mut session,
        "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'; PREPARE TRANSACTION 'mine'",
    )
    .await;
    let mut owner = PgConnection::connect(&into(&mallory, super::PASSWORD))
        .await
        .unwrap();
    does(
        &mut owner,
        &format!("REVOKE CONNECT ON DATABASE {closed} FROM PUBLIC"),
    )
    .await;

    part.end(&order).await;
    let open = part.log_in(login, GENERATED).await;
    assert!(open.is_err(), "the login is not shut");
}
