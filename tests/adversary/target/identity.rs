//! Roles and logins that are renamed, dropped and made again, and namesakes of both.

use keylend::backend::{BackendError, Presence};

use super::{GENERATED, PASSWORD, does};
use crate::{
    part::{Part, is_dead, run},
    subject::Calls as _,
};

#[tokio::test]
async fn a_renamed_login_or_role_hides_nothing_and_a_namesake_keeps_what_it_has() {
    let part = Part::start("10s").await;
    let (alice, role) = (part.person("alice", "").await, part.role());
    let mut order = part.named(&alice);
    assert_eq!(part.lend(&mut order).await, Presence::Absent);
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    part.administers(&format!(
        "ALTER ROLE {alice} RENAME TO {alice}_smith; ALTER ROLE {role} RENAME TO {role}_old;
         CREATE ROLE {alice} LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE {role};
         GRANT {role} TO {alice}"
    ))
    .await;
    let mut namesake = part.enter(&alice).await;
    assert_eq!(part.status(&order).await, Presence::Present);

    part.end(&order).await;
    assert!(is_dead(&mut session).await);
    assert!(!part.can_write(&format!("{alice}_smith"), PASSWORD).await);
    does(&mut namesake, &format!("SET ROLE {role}")).await;
}

#[tokio::test]
async fn nothing_is_granted_to_a_namesake_of_a_login_or_role_that_was_inspected() {
    let part = Part::start("10s").await;
    let (alice, role) = (part.person("alice", "").await, part.role());
    let login = format!("DROP ROLE {alice}; CREATE ROLE {alice} LOGIN PASSWORD '{PASSWORD}'");
    let role = format!(
        "DROP OWNED BY {role}; DROP ROLE {role}; CREATE ROLE {role};
         GRANT {role} TO {}_keylend WITH ADMIN OPTION",
        part.name
    );
    for (mut order, made_anew) in [
        (part.named(&alice), &login),
        (part.named(&alice), &role),
        (part.generated(), &role),
    ] {
        order.receipt = part.backend.inspect(&order).await.expect("seen").receipt;
        part.administers(made_anew).await;
        let refused = part.grant(&order).await;
        let Err(BackendError::Fail(error)) = refused else {
            panic!("{refused:?}");
        };
        assert!(error.to_string().contains("was dropped"), "{error}");
        part.end(&order).await;
    }
    assert!(part.grantors(&alice).await.is_empty());
}

/// A session outlives its login, and keeps the role that it has taken.
#[tokio::test]
async fn a_session_ends_whose_login_was_dropped() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "").await;
    let role = part.role();
    let mut named = part.named(&alice);
    part.lend(&mut named).await;
    let mut generated = part.generated();
    part.lend(&mut generated).await;
    let mut sessions = [part.enter(&alice).await, part.enter_as(&generated).await];
    for session in &mut sessions {
        does(session, &format!("SET ROLE {role}")).await;
    }
    part.administers(&format!(
        "DROP ROLE {alice}; DROP ROLE \"{}\"",
        generated.handle
    ))
    .await;
    for session in &mut sessions {
        does(session, &part.write()).await;
    }
    part.end(&named).await;
    part.end(&generated).await;
    for session in &mut sessions {
        assert!(is_dead(session).await);
    }
}

#[tokio::test]
async fn a_generated_login_that_was_renamed_is_found_and_revoked() {
    let part = Part::start("10s").await;
    let mut order = part.generated();
    part.lend(&mut order).await;
    let mut session = part.enter_as(&order).await;
    let mine = format!("CREATE TABLE {}.mine (line text)", part.name);
    does(&mut session, &mine).await;
    let (login, other) = (&order.handle, format!("{}_other", part.name));
    part.administers(&format!("ALTER ROLE \"{login}\" RENAME TO {other}"))
        .await;
    assert_eq!(part.status(&order).await, Presence::Present);
    part.end(&order).await;
    assert!(is_dead(&mut session).await);
    assert!(part.log_in(&other, GENERATED).await.is_err());
}

/// With the comment that Keylend writes, and given to Keylend.
#[tokio::test]
async fn a_generated_login_that_somebody_else_made_under_its_name_is_not_touched() {
    let part = Part::start("10s").await;
    let creator = part.person("creator", "CREATEROLE").await;
    let keylend = format!("{}_keylend", part.name);
    let mut creator = part.enter(&creator).await;
    let role = part.role();
    let namesake = |login: &str, request: &str| {
        format!(
            "CREATE ROLE \"{login}\" LOGIN PASSWORD '{PASSWORD}';
             COMMENT ON ROLE \"{login}\" IS \
                'Lent by Keylend: role \"{role}\" (16384), to a for b:c, request {request}';
             GRANT \"{login}\" TO {keylend} WITH ADMIN OPTION"
        )
    };
    // Before the grant, so that it is refused, and after a grant that an administrator dropped.
    let early = part.generated();
    let login = early.handle.as_str();
    does(&mut creator, &namesake(login, &early.request.to_string())).await;
    let refused = part.grant(&early).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("Keylend did not make"), "{error}");
    let mut late = part.generated();
    part.lend(&mut late).await;
    let login = late.handle.as_str();
    part.administers(&format!("DROP ROLE \"{login}\"")).await;
    does(&mut creator, &namesake(login, &late.request.to_string())).await;

    for order in [&early, &late] {
        let mut session = part
            .log_in(order.handle.as_str(), PASSWORD)
            .await
            .expect("in");
        part.end(order).await;
        assert!(run(&mut session, "SELECT 1").await.is_ok());
        let again = part.log_in(order.handle.as_str(), PASSWORD).await;
        assert!(again.is_ok(), "it can still log in");
    }
    part.backend.tend().await.expect("tended");
    assert!(part.has_role(late.handle.as_str()).await);
}

/// What a login made goes to the role that it was lent, not to another of that name.
#[tokio::test]
async fn what_a_login_leaves_goes_to_the_role_whatever_its_name_is() {
    let part = Part::start_alone("10s").await;
    let mut order = part.generated();
    part.lend(&mut order).await;
    let mut session = part.enter_as(&order).await;
    let (name, role) = (&part.name, part.role());
    does(
        &mut session,
        &format!("CREATE TABLE {name}.mine (line text)"),
    )
    .await;
    part.administers(&format!(
        "ALTER ROLE {role} RENAME TO {role}_old; CREATE ROLE {role}"
    ))
    .await;
    part.end(&order).await;
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(order.handle.as_str()).await);
    let owned = format!("SELECT FROM pg_tables WHERE tableowner = '{role}_old'");
    assert_eq!(part.postgres().query(&owned).await.len(), 1);
}

/// What an ordinary holder, and one who may create roles, can try on their own login and on
/// Keylend's.
#[tokio::test]
async fn a_holder_cannot_make_their_grant_look_like_somebody_elses() {
    let part = Part::start("10s").await;
    let (alice, role) = (part.person("alice", "").await, part.role());
    let mut named = part.named(&alice);
    part.lend(&mut named).await;
    let mut generated = part.generated();
    part.lend(&mut generated).await;
    let login = generated.handle.to_string();
    let mut sessions = [part.enter(&alice).await, part.enter_as(&generated).await];
    for session in &mut sessions {
        for attempt in [
            format!("ALTER ROLE {alice} RENAME TO {alice}_x"),
            format!("ALTER ROLE \"{login}\" RENAME TO {alice}_y"),
            format!("COMMENT ON ROLE \"{login}\" IS 'mine'"),
            format!("GRANT {role} TO {alice} WITH ADMIN OPTION"),
            format!("REVOKE {role} FROM {alice}"),
            format!("REVOKE \"{login}\" FROM {}_keylend", part.name),
            format!("DROP ROLE \"{login}\""),
        ] {
            assert!(run(session, &attempt).await.is_err(), "{attempt}");
        }
    }
    part.end(&named).await;
    part.end(&generated).await;
    assert!(!part.can_write(&alice, PASSWORD).await);
    assert!(!part.can_write(&login, GENERATED).await);
}

/// Numbers of roles mean nothing in a cluster that an upgrade or a dump has made.
#[tokio::test]
async fn a_grant_is_recognised_in_another_cluster_by_its_grantor() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "").await;
    for mut order in [part.named(&alice), part.generated()] {
        part.lend(&mut order).await;
        let receipt = order.receipt.take().expect("a receipt").as_str().to_owned();
        let (system, _) = receipt
            .strip_prefix(r#"{"system":"#)
            .and_then(|rest| rest.split_once(','))
            .expect("the cluster first");
        let elsewhere = receipt.replace(system, "1").replace(":1", ":999");
        order.receipt = Some(elsewhere.try_into().expect("a receipt"));
        assert_eq!(part.status(&order).await, Presence::Present);
        part.end(&order).await;
    }
    assert!(!part.can_write(&alice, PASSWORD).await);
}
