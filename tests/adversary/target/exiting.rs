//! Sessions that have ended, and whose processes do not exit.

use keylend::backend::{BackendError, Presence};
use sqlx::{PgConnection, Row};

use super::does;
use crate::part::{Part, is_dead};
use crate::subject::Calls as _;

/// A session drops its temporary objects when it exits, and waits for locks on what depends on
/// them.
async fn depend_on_temporary_sequence(session: &mut PgConnection, table: &str) {
    does(
        session,
        &format!(
            "CREATE TEMP SEQUENCE s;
             CREATE TABLE {table} (i int DEFAULT nextval('pg_temp.s'));
             GRANT SELECT ON {table} TO PUBLIC"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_reader_who_keeps_a_process_of_a_person_from_exiting_does_not_hold_up_the_end() {
    let part = Part::start_alone("10s").await;
    part.postgres()
        .execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        .await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&alice).await;
    depend_on_temporary_sequence(&mut session, "public.p").await;
    let mut reading = part.enter(&mallory).await;
    does(&mut reading, "BEGIN; SELECT count(*) FROM public.p").await;

    part.end(&order).await;
    assert!(!part.can_write(&alice, super::PASSWORD).await);
    assert!(!is_dead(&mut reading).await, "it is nobody's to end");
}

#[tokio::test]
async fn a_reader_who_keeps_a_process_of_a_generated_login_from_exiting_does_not_hold_up_the_end() {
    let part = Part::start_alone("10s").await;
    let mallory = part.person("mallory", "").await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let name = &part.name;
    part.postgres()
        .execute(&format!("GRANT USAGE ON SCHEMA {name} TO PUBLIC"))
        .await;
    let mut session = part.enter_as(&order).await;
    depend_on_temporary_sequence(&mut session, &format!("{name}.p")).await;
    let mut reading = part.enter(&mallory).await;
    let read = format!("BEGIN; SELECT count(*) FROM {name}.p");
    does(&mut reading, &read).await;

    part.end(&order).await;
    assert!(!is_dead(&mut reading).await, "it is nobody's to end");
    does(&mut reading, "COMMIT").await;
    drop(session);
    let process = format!(
        "SELECT FROM pg_stat_activity WHERE usename = '{}'",
        order.handle
    );
    while !part.postgres().query(&process).await.is_empty() {}
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(order.handle.as_str()).await);
}

/// A process that does not exit, for whatever reason, keeps nothing else.
#[tokio::test]
async fn a_generated_login_is_shut_even_if_a_session_of_it_does_not_end() {
    let part = Part::start_alone("3s").await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut session = part.enter_as(&order).await;
    does(
        &mut session,
        &format!("BEGIN; {}; PREPARE TRANSACTION 'later'", part.write()),
    )
    .await;
    let process = format!(
        "SELECT pid FROM pg_stat_activity WHERE usename = '{}'",
        order.handle
    );
    let pid: i32 = part.postgres().query(&process).await[0].get(0);
    part.postgres().freeze(pid, true);

    let outcome = part.backend.revoke(&order).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );
    assert_eq!(part.status(&order).await, Presence::Present);
    let can_log_in = format!(
        "SELECT FROM pg_roles WHERE rolname = '{}' AND rolcanlogin",
        order.handle
    );
    assert!(part.postgres().query(&can_log_in).await.is_empty());
    let prepared = "SELECT FROM pg_prepared_xacts";
    assert!(part.postgres().query(prepared).await.is_empty());

    part.postgres().freeze(pid, false);
    part.end(&order).await;
}
