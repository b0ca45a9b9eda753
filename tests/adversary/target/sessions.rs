//! Locks, sessions and connections that a user holds on to.

use std::{str::FromStr, sync::Arc, time::Duration};

use keylend::backend::{BackendError, Presence};
use sqlx::{Connection, PgConnection, Row, postgres::PgConnectOptions};

use super::{GENERATED, PASSWORD, does};
use crate::subject::Calls as _;
use crate::{
    part::{Part, backend, is_dead, run},
    skip::skip,
};

#[tokio::test]
async fn an_advisory_lock_holds_up_nothing() {
    let part = Part::start("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&mallory).await;
    let access = format!(r#"member:"{alice}":"{}""#, part.role());
    does(
        &mut session,
        &format!("SELECT pg_advisory_lock(hashtextextended('keylend {access}', 0))"),
    )
    .await;

    part.end(&order).await;
    part.grant(&order).await.expect("granted again");
    let log = part.postgres().log().await;
    let keylends: Vec<_> = log
        .lines()
        .filter(|line| line.contains("advisory") && !line.contains("hashtextextended('keylend"))
        .collect();
    assert!(keylends.is_empty(), "{keylends:?}");
}

#[tokio::test]
async fn a_person_who_keeps_their_own_login_locked_holds_up_nothing() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "").await;
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {}", part.role())).await;
    does(
        &mut session,
        "RESET ROLE; BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'",
    )
    .await;

    part.end(&order).await;
    assert!(is_dead(&mut session).await);
    // Their login is theirs: Keylend has not changed it.
    assert!(!part.can_write(&alice, PASSWORD).await);
    assert!(part.log_in(&alice, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_generated_login_that_keeps_itself_locked_in_many_sessions_is_shut() {
    let part = Part::start("10s").await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(part.enter_as(&order).await);
    }
    let lock = "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'";
    does(&mut sessions[0], lock).await;
    // The others wait for the first, and would have the lock after it.
    let waiting: Vec<_> = sessions
        .split_off(1)
        .into_iter()
        .map(|mut session| {
            tokio::spawn(async move {
                drop(run(&mut session, lock).await);
                session
            })
        })
        .collect();

    part.end(&order).await;
    assert!(is_dead(&mut sessions[0]).await);
    for session in waiting {
        assert!(is_dead(&mut session.await.expect("no panic")).await);
    }
    assert!(!part.has_role(order.handle.as_str()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_login_that_comes_back_and_locks_itself_again_is_shut() {
    let part = Arc::new(Part::start("20s").await);
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let (locked, mut is_locked) = tokio::sync::watch::channel(false);
    let mut coming_back = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (part, login, locked) = (part.clone(), order.handle.clone(), locked.clone());
        coming_back.spawn(async move {
            while let Ok(mut session) = part.log_in(login.as_str(), GENERATED).await {
                let lock = format!("BEGIN; ALTER ROLE CURRENT_USER PASSWORD '{GENERATED}'");
                if run(&mut session, &lock).await.is_ok() {
                    locked.send_replace(true);
                    while run(&mut session, "SELECT pg_sleep(60)").await.is_ok() {}
                }
            }
        });
    }
    is_locked.wait_for(|locked| *locked).await.expect("locked");

    part.backend.revoke(&order).await.expect("ended");
    assert_eq!(part.status(&order).await, Presence::Absent);
    coming_back.join_all().await;
}

#[tokio::test]
async fn nobody_elses_session_ends_and_a_name_in_pg_stat_activity_means_nothing() {
    let part = Part::start("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    // The name that Keylend's sessions on this access have, with a later time in it.
    let log = part.postgres().log().await;
    assert!(log.contains("pg_stat_get_activity"));
    let mut session = part.enter(&mallory).await;
    let mut watcher = part.enter(&alice).await;
    let digest = access_digest(&alice, &part.role());
    does(
        &mut session,
        &format!("SET application_name = 'keylend {digest} 9912312359599999990000000'"),
    )
    .await;

    part.end(&order).await;
    assert!(!is_dead(&mut session).await);
    assert!(is_dead(&mut watcher).await);
}

/// What stands in the name of a session on this access.
fn access_digest(login: &str, role: &str) -> String {
    use sha2::{Digest, Sha256};

    let access = format!(r#"member:"{login}":"{role}""#);
    let digest = Sha256::digest(access.as_bytes());
    digest[..14]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The other grant stays; that its sessions end cannot be avoided, since PostgreSQL does not say
/// which of them has taken which role.
#[tokio::test]
async fn of_two_grants_on_one_login_the_other_stays() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "").await;
    let second_role = format!("{}_reader", part.name);
    part.postgres()
        .execute(&format!(
            "CREATE ROLE {second_role}; GRANT {second_role} TO {}_keylend WITH ADMIN OPTION",
            part.name
        ))
        .await;
    let first = part.named(&alice);
    let mut second = part.named(&alice);
    second
        .params
        .insert("role".into(), second_role.clone().into());
    part.grant(&first).await.expect("granted");
    part.grant(&second).await.expect("granted");
    let said = part.backend.interrupts(&first).expect("something");
    assert_eq!(part.backend.interrupts(&second), Some(said));

    part.end(&first).await;
    assert_eq!(part.status(&second).await, Presence::Present);
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {second_role}")).await;
}

/// A connection can take a role, and then wait before any list of sessions shows it.
#[tokio::test]
async fn a_connection_that_hides_while_it_starts_does_not_keep_the_role() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let url = part.postgres().url_for(&alice, PASSWORD);
    let role = part.role();
    let options = PgConnectOptions::from_str(&url)
        .expect("a URL")
        .options([("role", role.as_str()), ("post_auth_delay", "2000")]);
    let hidden = tokio::spawn(async move { PgConnection::connect_with(&options).await });
    let starting = "SELECT FROM pg_locks l WHERE l.locktype = 'object' AND l.classid = 1262 \
                    AND l.pid <> pg_backend_pid()";
    while part.postgres().query(starting).await.is_empty() {}

    part.end(&order).await;
    let outcome = tokio::time::timeout(Duration::from_secs(10), hidden).await;
    let outcome = outcome.expect("it has ended").expect("no panic");
    if let Ok(mut session) = outcome {
        assert!(is_dead(&mut session).await, "it is in, with the role");
    }
}

/// The server may still be at work on a grant that Keylend has given up.
#[tokio::test]
async fn a_late_grant_takes_no_effect_after_the_end() {
    let part = Part::start_alone("2s").await;
    let alice = part.person("alice", "").await;
    let order = part.named(&alice);
    let postgres = part.postgres();
    let mut blocker = PgConnection::connect(&postgres.admin_url())
        .await
        .expect("in");
    does(
        &mut blocker,
        "BEGIN; LOCK TABLE pg_auth_members IN EXCLUSIVE MODE",
    )
    .await;
    let granting = async { part.grant(&order).await };
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
    let (granted, pid) = tokio::join!(granting, freezing);
    assert!(
        matches!(granted, Err(BackendError::Retry(_))),
        "{granted:?}"
    );
    does(&mut blocker, "COMMIT").await;

    // As long as it could go on, the access is not said to be gone.
    let outcome = part.backend.revoke(&order).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );
    postgres.freeze(pid, false);
    part.end(&order).await;
    assert!(!part.can_write(&alice, PASSWORD).await);
}

#[tokio::test]
async fn a_login_that_takes_every_connection_does_not_keep_keylend_out() {
    let part = Part::start_alone("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    part.backend.tend().await.expect("tended");
    // One of them is the person whose access ends; none of the other's sessions may.
    let mut open = Vec::new();
    let mut taken = part.enter(&alice).await;
    while let Ok(session) = part.log_in(&mallory, PASSWORD).await {
        open.push(session);
    }
    let keylend = format!("{}_keylend", part.name);
    assert!(
        part.log_in(&keylend, "keylends").await.is_err(),
        "none is left"
    );

    part.end(&order).await;
    assert!(is_dead(&mut taken).await);
    let refill = part
        .log_in(&mallory, PASSWORD)
        .await
        .expect("alice's place");
    open.push(refill);
    assert_eq!(part.status(&order).await, Presence::Absent);
    for session in &mut open {
        assert!(!is_dead(session).await);
    }
}

/// From PostgreSQL 16 on, places can be kept for Keylend, so that it can grant as well.
#[tokio::test]
async fn places_that_are_kept_for_keylend_are_used() {
    let part = Part::start_alone("10s").await;
    let postgres = part.postgres();
    if postgres.version().await < 16 {
        skip("needs PostgreSQL 16: before it, places are kept for superusers alone");
        return;
    }
    let keylend = format!("{}_keylend", part.name);
    postgres
        .execute(&format!("GRANT pg_use_reserved_connections TO {keylend}"))
        .await;
    postgres
        .execute("ALTER SYSTEM SET reserved_connections = 5")
        .await;
    postgres.stop().await;
    postgres.start_again().await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let mut open = Vec::new();
    while let Ok(session) = part.log_in(&mallory, PASSWORD).await {
        open.push(session);
    }
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    assert_eq!(part.status(&order).await, Presence::Present);
    part.end(&order).await;
}

#[tokio::test]
async fn grants_that_hang_do_not_hold_up_an_end() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut blocker = PgConnection::connect(&part.postgres().admin_url())
        .await
        .expect("in");
    let other = format!("{}_other", part.name);
    part.postgres()
        .execute(&format!(
            "CREATE ROLE {other}; GRANT {other} TO {}_keylend WITH ADMIN OPTION",
            part.name
        ))
        .await;
    // An administrator is at work on the role that the others ask for.
    does(
        &mut blocker,
        &format!("BEGIN; COMMENT ON ROLE {other} IS 'busy'; DROP ROLE {other}"),
    )
    .await;
    let mut granting = tokio::task::JoinSet::new();
    for number in 0..20 {
        let login = part.person(&format!("p{number}"), "").await;
        let mut order = part.named(&login);
        order.params.insert("role".into(), other.clone().into());
        let backend = part.backend.clone();
        granting.spawn(async move { backend.grant(&order, None).await });
    }
    part.end(&order).await;
    does(&mut blocker, "ROLLBACK").await;
    drop(granting);
}

/// The owner of a database sets what the sessions of others begin with.
#[tokio::test]
async fn settings_of_a_databases_owner_do_not_reach_keylends_sessions() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let keylend = format!("{}_keylend", part.name);
    let role = part.role();
    part.postgres()
        .execute(&format!(
            "CREATE SCHEMA evil;
             ALTER DATABASE postgres SET search_path = evil, pg_catalog;
             ALTER DATABASE postgres SET role = '{role}';
             ALTER DATABASE postgres SET default_transaction_read_only = on;
             ALTER DATABASE postgres SET statement_timeout = '1ms';
             ALTER DATABASE postgres SET lock_timeout = '1h';
             ALTER ROLE {keylend} SET search_path = evil, pg_catalog;
             ALTER ROLE {keylend} SET \"DateStyle\" = 'SQL, DMY';
             ALTER ROLE {keylend} SET \"TimeZone\" = 'Asia/Kolkata'"
        ))
        .await;
    let url = part.postgres().url_for(&keylend, "keylends");
    let backend = backend(&url, "10s");
    let order = part.named(&alice);
    backend.grant(&order, None).await.expect("granted");
    assert_eq!(
        backend.status(&order).await.expect("an answer"),
        Presence::Present
    );
    backend.revoke(&order).await.expect("ended");
    assert_eq!(
        backend.status(&order).await.expect("an answer"),
        Presence::Absent
    );
}

/// Locks that exclude everybody, asked for on a catalogue of roles by somebody who never gets them.
async fn queues_on(catalogue: &str, view: &str) {
    let part = Part::start_alone("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut reading = part.enter(&mallory).await;
    let mut asking = part.enter(&mallory).await;
    does(&mut reading, &format!("BEGIN; SELECT count(*) FROM {view}")).await;
    let ask = format!("CREATE TEMP TABLE t PARTITION OF pg_catalog.{catalogue} DEFAULT");
    let mut watching = part.postgres().superuser().await;
    let asking = tokio::spawn(async move { run(&mut asking, &ask).await });
    let waits = "SELECT FROM pg_lock_status() WHERE NOT granted AND mode = 'AccessExclusiveLock'";
    while sqlx::query(waits)
        .fetch_all(&mut watching)
        .await
        .unwrap()
        .is_empty()
    {}

    part.end(&order).await;
    let refused = asking.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("administrator command"), "{refused}");
    // Whoever only reads keeps nobody waiting, and goes on.
    assert!(!is_dead(&mut reading).await);
}

#[tokio::test]
async fn a_wait_for_a_lock_on_the_memberships_holds_up_nothing() {
    queues_on("pg_auth_members", "pg_auth_members").await;
}

#[tokio::test]
async fn a_wait_for_a_lock_on_the_roles_holds_up_nothing() {
    queues_on("pg_authid", "pg_roles").await;
}
