//! A role lent to a person's own login.

use std::sync::Arc;

use keylend::{
    backend::{Backend, BackendError, Presence},
    domain::{RevocationMode, Time},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::{Part, backend, grant, is_dead, run};
use crate::subject::{Calls as _, Order};
use crate::subject::{Subject, order};

contract!(Named);

/// Every person's own password.
const PASSWORD: &str = "their-own";

struct Named(Part);

impl Named {
    /// Makes a person's own login, if PostgreSQL takes its name.
    async fn enrol(&self, username: &str) {
        let literal = username.replace('\'', "''");
        self.0
            .postgres()
            .execute(&format!(
                "DO $do$ BEGIN
                    EXECUTE format('CREATE ROLE %I LOGIN PASSWORD ''{PASSWORD}''', '{literal}');
                 EXCEPTION WHEN duplicate_object OR reserved_name OR syntax_error THEN
                 END $do$"
            ))
            .await;
    }

    /// An order that asks for the role in a test of its own.
    async fn ask(&self, username: &str) -> Order {
        Subject::order(self, username).await
    }

    async fn refusal(&self, order: &Order) -> String {
        match grant(&self.0, order).await {
            Err(BackendError::Fail(failure)) => failure.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

impl Subject for Named {
    const CONFIG: &str = "[postgres]\nurl = { env = 'UNSET' }";

    async fn start(limit: &str) -> Self {
        Self(Part::start(limit).await)
    }

    async fn start_alone(limit: &str) -> Self {
        Self(Part::start_alone(limit).await)
    }

    fn backend(&self) -> &Arc<dyn Backend> {
        &self.0.backend
    }

    async fn order(&self, username: &str) -> Order {
        // Plain names are a test's own; hostile ones stay what they are and aim at its bystander.
        let name = &self.0.name;
        let username = match username {
            "alice" | "bob" | "bystander" => format!("{name}_{username}"),
            hostile => hostile.replace("bystander", &format!("{name}_bystander")),
        };
        if !username.contains('\0') && username.len() <= 63 {
            self.enrol(&username).await;
        }
        order(&username, json!({"role": self.0.role()}))
    }

    fn password(&self, _: &Order) -> Option<SecretString> {
        None
    }

    async fn works(&self, order: &Order) -> bool {
        self.0.can_write(order.username.as_str(), PASSWORD).await
    }

    async fn end(&self, _: &Order) -> Option<Time> {
        None
    }

    async fn grant_by_hand(&self, order: &Order) -> String {
        self.0.grant_by_hand(order.username.as_str()).await;
        order.username.to_string()
    }

    async fn complete(&self) {
        self.0.complete().await;
    }

    async fn stop(&self) {
        self.0.postgres().stop().await;
    }

    async fn start_again(&self) {
        self.0.postgres().start_again().await;
    }

    fn hang(&self) {
        self.0.postgres().pause();
    }

    fn wrong_params() -> Vec<(Value, Option<&'static str>)> {
        vec![
            (json!({}), None),
            (json!({"role": ""}), Some("role")),
            (json!({"role": "é".repeat(32)}), Some("role")),
            (json!({"role": ["app_writer"]}), Some("role")),
            (
                json!({"role": "app_writer", "login": "alice"}),
                Some("login"),
            ),
            (json!({"role": "app_writer", "ttl": "1h"}), Some("ttl")),
        ]
    }
}

#[tokio::test]
async fn an_open_session_that_took_the_role_dies_with_the_grant() {
    let subject = Named::start("60s").await;
    let order = subject.ask("alice").await;
    grant(&subject.0, &order).await.expect("made");
    let login = order.username.as_str();
    let mut session = subject.0.log_in(login, PASSWORD).await.expect("in");
    let take = format!("SET ROLE {}", subject.0.role());
    run(&mut session, &take).await.expect("the role is theirs");
    run(&mut session, &subject.0.write())
        .await
        .expect("they may write");

    subject.0.backend.revoke(&order).await.expect("taken back");
    assert!(is_dead(&mut session).await);
    let mut session = subject
        .0
        .log_in(login, PASSWORD)
        .await
        .expect("still a login");
    assert!(run(&mut session, &take).await.is_err());
}

#[tokio::test]
async fn other_peoples_sessions_stay_open() {
    let subject = Named::start("60s").await;
    let (alice, bob) = (subject.ask("alice").await, subject.ask("bob").await);
    grant(&subject.0, &alice).await.expect("made");
    let mut session = subject
        .0
        .log_in(bob.username.as_str(), PASSWORD)
        .await
        .expect("in");
    subject.0.backend.revoke(&alice).await.expect("taken back");
    assert!(!is_dead(&mut session).await);
}

/// Before PostgreSQL 16 Keylend's own grant would change nothing then.
#[tokio::test]
async fn a_membership_that_others_gave_is_never_keylends() {
    let subject = Named::start("60s").await;
    let mut order = subject.ask("alice").await;
    let (role, login) = (subject.0.role(), order.username.to_string());
    let postgres = subject.0.postgres();
    postgres.execute(&format!("GRANT {role} TO {login}")).await;
    let inspection = subject.0.backend.inspect(&order).await.expect("an answer");
    let expected = match postgres.version().await {
        16.. => Presence::Absent,
        _ => Presence::Present,
    };
    assert_eq!(inspection.presence, expected);
    order.receipt = None;
    subject
        .0
        .backend
        .revoke(&order)
        .await
        .expect("nothing there");
    assert!(subject.works(&order).await);
}

/// The server may still be at work on a call that Keylend has given up.
#[tokio::test]
async fn a_grant_that_was_given_up_takes_no_effect_after_it_was_taken_back() {
    let subject = Named::start_alone("60s").await;
    let postgres = subject.0.postgres();
    let order = subject.ask("alice").await;
    let url = postgres.url_for(&format!("{}_keylend", subject.0.name), "keylends");
    let hasty = backend(&url, "2s");

    let mut blocker = PgConnection::connect(&postgres.admin_url())
        .await
        .expect("in");
    let block = "BEGIN; LOCK TABLE pg_auth_members IN EXCLUSIVE MODE";
    run(&mut blocker, block).await.expect("locked");
    let outcome = hasty.grant(&order, None).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );
    subject.0.backend.revoke(&order).await.expect("taken back");
    run(&mut blocker, "COMMIT").await.expect("unlocked");

    let seen = subject.0.backend.status(&order).await.expect("an answer");
    assert_eq!(seen, Presence::Absent);
    assert!(!subject.works(&order).await);
}

#[tokio::test]
async fn nobody_is_lent_a_role_who_has_no_login_of_their_own() {
    let subject = Named::start("60s").await;
    let name = &subject.0.name;
    subject
        .0
        .postgres()
        .execute(&format!(
            "CREATE ROLE {name}_team; CREATE ROLE {name}_root LOGIN SUPERUSER"
        ))
        .await;
    let role = json!({"role": subject.0.role()});
    for (username, message) in [
        (format!("{name}_nobody"), "there is no login"),
        (format!("{name}_team"), "is a group in PostgreSQL"),
        (format!("{name}_root"), "is a superuser"),
        (format!("{name}_keylend"), "Keylend's own login"),
        ("public".to_owned(), "there is no login"),
        ("é".repeat(32), "longer than the 63 bytes"),
    ] {
        let order = order(&username, role.clone());
        let said = subject.refusal(&order).await;
        assert!(said.contains(message), "{username}: {said}");
        // The grant fails, and everything of it is taken back: nothing, harmlessly.
        subject
            .0
            .backend
            .revoke(&order)
            .await
            .expect("nothing there");
    }
}

#[tokio::test]
async fn a_role_that_leads_to_the_whole_server_is_never_lent() {
    let subject = Named::start("60s").await;
    let name = &subject.0.name;
    subject
        .0
        .postgres()
        .execute(&format!(
            "CREATE ROLE {name}_root SUPERUSER;
             CREATE ROLE {name}_back_door IN ROLE {name}_root;
             CREATE ROLE {name}_side_door IN ROLE {name}_keylend;"
        ))
        .await;
    let alice = subject.ask("alice").await;
    for role in ["root", "back_door", "side_door", "keylend", "nothing"] {
        let mut order = alice.clone();
        order
            .params
            .insert("role".into(), format!("{name}_{role}").into());
        let said = subject.refusal(&order).await;
        let expected = if role == "nothing" {
            "there is no role"
        } else {
            "cannot be granted"
        };
        assert!(said.contains(expected), "{role}: {said}");
    }
}

#[tokio::test]
async fn a_missing_right_is_told_and_not_tried_again() {
    let subject = Named::start("60s").await;
    let order = subject.ask("alice").await;
    let name = &subject.0.name;
    subject
        .0
        .postgres()
        .execute(&format!("CREATE ROLE {name}_weak LOGIN PASSWORD 'weak'"))
        .await;
    let url = subject
        .0
        .postgres()
        .url_for(&format!("{name}_weak"), "weak");
    let outcome = backend(&url, "60s").grant(&order, None).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
}

#[tokio::test]
async fn only_keylend_ends_a_membership() {
    let subject = Named::start("60s").await;
    let order = subject.ask("alice").await;
    assert_eq!(
        subject.0.backend.bound(&order).revocation_mode(),
        RevocationMode::Call
    );
}

#[tokio::test]
async fn names_with_separators_in_them_share_no_entitlement() {
    let subject = Named::start("60s").await;
    let entitlement = |username: &str, role: &str| {
        let order = order(username, json!({"role": role}));
        subject.0.backend.entitlement(&order)
    };
    assert_eq!(entitlement("a", "b").as_str(), r#"member:"a":"b""#);
    assert_ne!(entitlement("a:b", "c"), entitlement("a", "b:c"));
    assert_ne!(entitlement("a\":\"b", "c"), entitlement("a", "b\":\"c"));
}
