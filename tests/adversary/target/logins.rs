//! Logins that are nobody's to receive anything.

use keylend::backend::{BackendError, LayerRequest, Presence};

use super::PASSWORD;
use crate::part::{Part, is_dead};
use crate::subject::{Calls as _, Order};

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

/// Roles that give more than data: each with what to do to a role to make it such a one, and why it is.
fn reaching(part: &Part) -> Vec<(String, String)> {
    let (role, name) = (part.role(), &part.name);
    let mut reaching = Vec::new();
    for attribute in ["CREATEROLE", "REPLICATION", "BYPASSRLS"] {
        reaching.push((
            format!("ALTER ROLE {role} {attribute}"),
            format!("it has {attribute}"),
        ));
        reaching.push((
            format!(
                "CREATE ROLE {name}_{attribute} {attribute}; GRANT {name}_{attribute} TO {role}"
            ),
            format!(
                "it is a member of `{name}_{}`, which has {attribute}",
                attribute.to_lowercase()
            ),
        ));
    }
    for own in [
        "pg_execute_server_program",
        "pg_read_all_data",
        "pg_read_server_files",
        "pg_write_server_files",
        "pg_signal_backend",
    ] {
        reaching.push((
            format!("CREATE ROLE {name}_{own}; GRANT {own} TO {name}_{own}; GRANT {name}_{own} TO {role}"),
            format!("it is a member of `{own}`"),
        ));
    }
    reaching.push((
        format!("CREATE ROLE {name}_other; GRANT {name}_other TO {role} WITH ADMIN OPTION"),
        "it has ADMIN OPTION on other roles".to_owned(),
    ));
    reaching.push((
        format!("GRANT ALTER SYSTEM ON PARAMETER archive_command TO {role}"),
        "it has ALTER SYSTEM on parameters of the server".to_owned(),
    ));
    reaching
}

/// At the inspection, and at the grant if the role has become such a one in between.
#[tokio::test]
async fn a_role_that_reaches_the_server_is_lent_only_where_the_scope_says_that_it_is_dangerous() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let orders = [part.named(&alice), part.generated()];
    let inspected = async |order: &Order| {
        let inspection = part.backend.inspect(order).await.expect("inspected");
        let receipt = inspection.receipt;
        Order {
            order: LayerRequest {
                receipt,
                ..order.order.clone()
            },
            params: order.params.clone(),
        }
    };
    let inspected = [inspected(&orders[0]).await, inspected(&orders[1]).await];
    for (make, why) in reaching(&part) {
        part.administers(&make).await;
        for refused in [
            part.backend.inspect(&orders[0]).await.map(drop),
            part.backend.inspect(&orders[1]).await.map(drop),
            part.grant(&inspected[0]).await,
            part.grant(&inspected[1]).await,
        ] {
            let Err(BackendError::Fail(message)) = refused else {
                panic!("{make}: {refused:?}");
            };
            let message = message.to_string();
            assert!(message.contains(&why), "{make}: {message}");
            assert!(message.contains("`dangerous = true`"), "{message}");
        }
        for mut order in inspected.clone() {
            assert_eq!(part.status(&order).await, Presence::Absent);
            order.dangerous = true;
            part.backend.inspect(&order).await.expect("inspected");
        }
        // As it was.
        part.administers(&format!(
            "DROP OWNED BY {role}; ALTER ROLE {role} NOCREATEROLE NOREPLICATION NOBYPASSRLS;
             DO $$ DECLARE r record; BEGIN
               FOR r IN SELECT roleid::regrole AS role FROM pg_auth_members
                        WHERE member = '{role}'::regrole
               LOOP EXECUTE format('REVOKE %s FROM {role}', r.role); END LOOP;
             END $$",
            role = part.role(),
        ))
        .await;
    }
    for mut order in orders {
        part.lend(&mut order).await;
        part.end(&order).await;
    }
    part.administers(&format!("ALTER ROLE {} CREATEROLE", part.role()))
        .await;
    for mut order in [part.named(&alice), part.generated()] {
        order.dangerous = true;
        part.lend(&mut order).await;
        part.end(&order).await;
    }
}

/// A role that reaches the server by the time at which a grant ends.
#[tokio::test]
async fn a_role_that_has_become_dangerous_is_still_taken_back() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "").await;
    for mut order in [part.named(&alice), part.generated()] {
        part.lend(&mut order).await;
        part.administers(&format!("GRANT pg_read_server_files TO {}", part.role()))
            .await;
        part.end(&order).await;
        part.administers(&format!("REVOKE pg_read_server_files FROM {}", part.role()))
            .await;
    }
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
