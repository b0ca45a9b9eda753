//! Logins that are nobody's to receive anything.

use keylend::backend::{BackendError, Presence};

use super::PASSWORD;
use crate::part::{Part, is_dead};
use crate::subject::Calls as _;

/// A target with more in its configuration.
fn with(part: &Part, more: &str) -> std::sync::Arc<dyn keylend::backend::Backend> {
    let keylend = format!("{}_keylend", part.name);
    let url = part.postgres().url_for(&keylend, "keylends");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), url).expect("a file of ours");
    let path = file.path().display();
    crate::subject::build(&format!("[postgres]\nurl = {{ file = '{path}' }}\n{more}"))
}

#[tokio::test]
async fn a_login_that_can_do_more_than_work_with_data_is_never_lent_anything() {
    let part = Part::start("10s").await;
    let mut logins = Vec::new();
    for (name, attributes, why) in [
        ("root", "SUPERUSER", "is a superuser"),
        ("admin", "CREATEROLE", "has CREATEROLE"),
        ("standby", "REPLICATION", "has REPLICATION"),
        ("dump", "BYPASSRLS", "has BYPASSRLS"),
        ("app", "", "owns a database"),
    ] {
        logins.push((part.person(name, attributes).await, why));
    }
    let app = &logins[4].0;
    let database = format!("CREATE DATABASE {app}_data OWNER {app}");
    part.postgres().execute(&database).await;
    let mut service = part.enter(app).await;

    for (login, why) in &logins {
        let order = part.named(login);
        for refused in [
            part.backend.inspect(&order).await.map(drop),
            part.grant(&order).await,
        ] {
            let Err(BackendError::Fail(message)) = refused else {
                panic!("{login}: {refused:?}");
            };
            assert!(message.to_string().contains(why), "{login}: {message}");
        }
        assert_eq!(part.status(&order).await, Presence::Absent);
    }
    assert!(!is_dead(&mut service).await);
}

/// A member of a login has what the login is lent, and a session of theirs that took it would keep it.
#[tokio::test]
async fn a_login_that_somebody_else_can_become_is_never_lent_anything() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "").await;
    let mallory = part.person("mallory", "").await;
    let team = format!("{}_team", part.name);
    part.administers(&format!("CREATE ROLE {team}; GRANT {team} TO {mallory}"))
        .await;
    for member in [&mallory, &team] {
        part.administers(&format!("GRANT {alice} TO {member}"))
            .await;
        let order = part.named(&alice);
        for refused in [
            part.backend.inspect(&order).await.map(drop),
            part.grant(&order).await,
        ] {
            let Err(BackendError::Fail(message)) = refused else {
                panic!("{member}: {refused:?}");
            };
            let expected = format!("`{alice}` has members: `{member}`");
            assert!(message.to_string().contains(&expected), "{message}");
        }
        assert!(!part.can_write(&mallory, PASSWORD).await);
        part.administers(&format!("REVOKE {alice} FROM {member}"))
            .await;
    }
    part.grant(&part.named(&alice)).await.expect("granted");
}

/// PostgreSQL 16 and later give whoever creates a login ADMIN OPTION on it, and nothing else.
#[tokio::test]
async fn a_login_that_an_administrator_created_is_lent_a_role() {
    let part = Part::start("10s").await;
    let admin = part.person("admin", "CREATEROLE").await;
    let mut session = part.enter(&admin).await;
    let bob = format!("{}_bob", part.name);
    let create = format!("CREATE ROLE {bob} LOGIN PASSWORD '{PASSWORD}'");
    super::does(&mut session, &create).await;
    part.grant(&part.named(&bob)).await.expect("granted");
    assert!(part.can_write(&bob, PASSWORD).await);
}

/// Whoever ends up in such a place while a grant runs does not keep it.
#[tokio::test]
async fn a_login_that_has_become_more_still_loses_what_it_was_lent() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "CREATEDB").await;
    let order = part.named(&alice);
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&alice).await;
    super::does(&mut session, &format!("CREATE DATABASE {alice}_data")).await;
    super::does(&mut session, &format!("SET ROLE {}", part.role())).await;
    part.end(&order).await;
    assert!(is_dead(&mut session).await);
    assert!(!part.can_write(&alice, PASSWORD).await);
}

#[tokio::test]
async fn names_that_are_never_lent_anything_can_be_added() {
    let part = Part::start("10s").await;
    let (alice, batch) = (
        part.person("alice", "").await,
        part.person("batch", "").await,
    );
    let backend = with(&part, &format!("never_lend = ['{batch}']"));
    backend
        .grant(&part.named(&alice), None)
        .await
        .expect("granted");
    let refused = backend.grant(&part.named(&batch), None).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("never_lend"), "{error}");
}

#[tokio::test]
async fn a_role_can_be_named_whose_members_alone_are_lent_anything() {
    let part = Part::start("10s").await;
    let (alice, batch) = (
        part.person("alice", "").await,
        part.person("batch", "").await,
    );
    let name = &part.name;
    part.postgres()
        .execute(&format!(
            "CREATE ROLE {name}_people; CREATE ROLE {name}_team IN ROLE {name}_people;
             GRANT {name}_team TO {alice}"
        ))
        .await;
    let backend = with(&part, &format!("people_role = '{name}_people'"));
    backend
        .grant(&part.named(&alice), None)
        .await
        .expect("granted");
    let refused = backend.grant(&part.named(&batch), None).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("people_role"), "{error}");

    let backend = with(&part, "people_role = 'nobody_knows_it'");
    let refused = backend.grant(&part.named(&alice), None).await;
    assert!(matches!(refused, Err(BackendError::Fail(_))), "{refused:?}");
}

/// The owner of a database decides what the sessions of others begin with there.
#[tokio::test]
async fn a_role_that_owns_the_database_of_keylends_own_sessions_is_not_lent() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let own = format!("ALTER DATABASE postgres OWNER TO {}", part.role());
    part.postgres().execute(&own).await;
    for order in [part.named(&alice), part.generated()] {
        let refused = part.grant(&order).await;
        let error = refused.expect_err("refused").to_string();
        assert!(error.contains("the owner of the database"), "{error}");
    }
}
