//! Transactions that are prepared for a commit in two phases, and keep their locks without a
//! session.

use keylend::backend::BackendError;
use sqlx::{Connection, PgConnection, Row};

use super::{GENERATED, PASSWORD, does};
use crate::part::Part;
use crate::subject::Calls as _;

const PREPARED: &str = "SELECT gid FROM pg_prepared_xacts ORDER BY gid";

/// The owner of a prepared transaction is the role that the session was in at that moment, which
/// can be any that the lent role is in.
#[tokio::test]
async fn a_transaction_prepared_as_a_third_role_does_not_keep_the_login_locked() {
    let part = Part::start_alone("10s").await;
    let (name, role) = (&part.name, part.role());
    part.postgres()
        .execute(&format!(
            "CREATE ROLE {name}_reader; GRANT {name}_reader TO {role}"
        ))
        .await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut session = part.enter_as(&order).await;
    does(
        &mut session,
        &format!(
            "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'; SET ROLE {name}_reader;
             PREPARE TRANSACTION 'mine'"
        ),
    )
    .await;

    part.end(&order).await;
    assert!(!part.has_role(order.handle.as_str()).await);
    assert!(part.postgres().query(PREPARED).await.is_empty());
}

#[tokio::test]
async fn transactions_that_others_prepared_as_the_role_stay() {
    let part = Part::start_alone("10s").await;
    let bob = part.person("bob", "").await;
    let role = part.role();
    part.postgres()
        .execute(&format!("GRANT {role} TO {bob}"))
        .await;
    let mut session = part.enter(&bob).await;
    for (name, statement) in [
        ("reads", "SELECT count(*) FROM pg_roles"),
        ("writes", "ALTER ROLE CURRENT_USER PASSWORD 'another'"),
    ] {
        does(
            &mut session,
            &format!("BEGIN; {statement}; SET ROLE {role}; PREPARE TRANSACTION '{name}'"),
        )
        .await;
        does(&mut session, "RESET ROLE").await;
    }
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut theirs = part.enter_as(&order).await;
    does(&mut theirs, "BEGIN; SELECT 1; PREPARE TRANSACTION 'theirs'").await;

    part.end(&order).await;
    let names: Vec<String> = part
        .postgres()
        .query(PREPARED)
        .await
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(names, ["reads", "writes"]);
}

/// Only the transactions that change roles can be in the way of shutting a login.
#[tokio::test]
async fn a_transaction_of_others_that_only_reads_roles_stays_though_the_login_is_locked() {
    let part = Part::start_alone("10s").await;
    let bob = part.person("bob", "").await;
    let role = part.role();
    part.postgres()
        .execute(&format!("GRANT {role} TO {bob}"))
        .await;
    let mut session = part.enter(&bob).await;
    does(
        &mut session,
        &format!(
            "SET ROLE {role}; BEGIN; SELECT count(*) FROM pg_roles; PREPARE TRANSACTION 'reads'"
        ),
    )
    .await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut theirs = part.enter_as(&order).await;
    does(
        &mut theirs,
        &format!(
            "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'; SET ROLE {role};
             PREPARE TRANSACTION 'theirs'"
        ),
    )
    .await;

    part.end(&order).await;
    let left = part.postgres().query(PREPARED).await;
    let names: Vec<String> = left.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["reads"]);
}

/// Takes every connection that the server has left.
async fn take_every_connection(part: &Part, login: &str, open: &mut Vec<PgConnection>) {
    while let Ok(session) = part.log_in(login, PASSWORD).await {
        open.push(session);
    }
}

#[tokio::test]
async fn a_prepared_transaction_is_rolled_back_though_the_server_takes_no_connection() {
    let part = Part::start_alone("10s").await;
    let mallory = part.person("mallory", "").await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    part.backend.tend().await.expect("tended");
    let mut session = part.enter_as(&order).await;
    does(&mut session, "BEGIN; SELECT 1; PREPARE TRANSACTION 'mine'").await;
    session.close().await.expect("closed");
    let mut open = Vec::new();
    take_every_connection(&part, &mallory, &mut open).await;
    assert!(
        part.log_in(order.handle.as_str(), GENERATED).await.is_err(),
        "none is left"
    );

    part.end(&order).await;
    assert!(part.postgres().query(PREPARED).await.is_empty());
    // What is done as the owner of the transaction leaves no trace in the connection.
    let mut another = part.generated();
    another.handle = order.handle.clone();
    part.end(&another).await;
}

/// The connection that is kept open for revoking outlives a revocation that fails.
#[tokio::test]
async fn an_end_that_fails_when_the_server_takes_no_connection_is_tried_again() {
    let part = Part::start_alone("2s").await;
    let postgres = part.postgres();
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.backend.tend().await.expect("tended");
    // An older session of Keylend's on this access does not end.
    let mut blocker = PgConnection::connect(&postgres.admin_url())
        .await
        .expect("in");
    does(
        &mut blocker,
        "BEGIN; LOCK TABLE pg_auth_members IN EXCLUSIVE MODE",
    )
    .await;
    let freezing = async {
        let waiting = "SELECT pid FROM pg_stat_activity \
                       WHERE application_name LIKE 'keylend %' AND wait_event_type = 'Lock'";
        loop {
            if let [row] = &*postgres.query(waiting).await {
                let pid: i32 = row.get(0);
                postgres.freeze(pid, true);
                return pid;
            }
        }
    };
    let (granted, pid) = tokio::join!(part.grant(&order), freezing);
    assert!(granted.is_err(), "{granted:?}");
    does(&mut blocker, "COMMIT").await;
    let mut open = Vec::new();
    take_every_connection(&part, &mallory, &mut open).await;

    let outcome = part.backend.revoke(&order).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );
    postgres.freeze(pid, false);
    let older = format!("SELECT FROM pg_stat_activity WHERE pid = {pid}");
    while !postgres.query(&older).await.is_empty() {}
    take_every_connection(&part, &mallory, &mut open).await;
    part.end(&order).await;
}
