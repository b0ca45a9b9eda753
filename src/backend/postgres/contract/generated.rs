//! A login of its own for each grant.

use std::{str::FromStr, sync::Arc, time::Duration};

use keylend::{
    backend::{Backend, BackendError, Presence},
    domain::{Handle, RevocationMode, Time},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row, postgres::PgConnectOptions};

use super::{Part, is_dead, run};
use crate::subject::{Calls as _, Order};
use crate::subject::{Subject, order};

contract!(Generated);

/// What Keylend would generate.
const PASSWORD: &str = "abcdefghjkmnpqrstuvwxyz23456789A";

struct Generated(Part);

impl Generated {
    async fn ask(&self) -> Order {
        Subject::order(self, "alice").await
    }

    async fn grant(&self, order: &Order) -> Result<(), BackendError> {
        let granted = self.0.backend.grant(order, Some(&PASSWORD.into())).await;
        granted.map(drop)
    }

    async fn revoke(&self, order: &Order) -> Result<(), BackendError> {
        self.0.backend.revoke(order).await
    }

    async fn log_in(&self, order: &Order) -> Result<PgConnection, sqlx::Error> {
        self.0.log_in(order.handle.as_str(), PASSWORD).await
    }

    async fn column(&self, order: &Order, column: &str) -> String {
        let rows = self
            .0
            .postgres()
            .query(&format!(
                "SELECT ({column})::text FROM pg_roles WHERE rolname = '{}'",
                order.handle
            ))
            .await;
        rows[0].get(0)
    }
}

impl Subject for Generated {
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
        let params = json!({"role": self.0.role(), "login": "generated"});
        let mut order = order(username, params);
        // The clean-up drops only logins with names that Keylend gives.
        order.handle = Handle::new(format!("jit_{}_0", order.request));
        // Handles are Keylend's own; should a hostile one ever come through, it has to be harmless.
        if !["alice", "bob", "bystander"].contains(&username) {
            order.handle = Handle::new(username);
        }
        order
    }

    fn password(&self, _: &Order) -> Option<SecretString> {
        Some(PASSWORD.into())
    }

    async fn works(&self, order: &Order) -> bool {
        self.0.can_write(order.handle.as_str(), PASSWORD).await
    }

    async fn end(&self, order: &Order) -> Option<Time> {
        let millis = self
            .column(order, "round(extract(epoch FROM rolvaliduntil) * 1000)")
            .await;
        Time::from_timestamp_millis(millis.parse().expect("a number"))
    }

    /// A login that somebody else made.
    async fn grant_by_hand(&self, order: &Order) -> String {
        let login = format!("{}_{}", self.0.name, order.username);
        let make = format!("CREATE ROLE {login} LOGIN");
        self.0.postgres().execute(&make).await;
        self.0.grant_by_hand(&login).await;
        login
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
        vec![(json!({"login": "generated"}), None)]
    }
}

#[tokio::test]
async fn the_login_is_the_requesters_alone_and_says_whose_it_is() {
    let subject = Generated::start("60s").await;
    let order = subject.ask().await;
    assert_eq!(
        subject.0.backend.bound(&order).revocation_mode(),
        RevocationMode::CallAndTimeLimit
    );
    subject.grant(&order).await.expect("made");

    let wrong = subject.0.log_in(order.handle.as_str(), "a-guess").await;
    assert!(wrong.is_err());
    let rights =
        "concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)";
    assert_eq!(subject.column(&order, rights).await, "f f f f f");
    assert_eq!(subject.column(&order, "rolconnlimit").await, "10");
    let role = format!("'{}'::regrole::oid", subject.0.role());
    let role = subject.column(&order, &role).await;
    assert_eq!(
        subject
            .column(&order, "shobj_description(oid, 'pg_authid')")
            .await,
        format!(
            "Lent by Keylend: role \"{}\" ({role}), to alice for db-prod:write, request {}",
            subject.0.role(),
            order.request
        )
    );
}

#[tokio::test]
async fn the_credential_says_where_and_who_and_nothing_of_keylends_own() {
    let subject = Generated::start("60s").await;
    let order = subject.ask().await;
    let shown = subject
        .0
        .backend
        .bound(&order)
        .connection(&order)
        .expect("a credential");
    let port = subject.0.postgres().port().to_string();
    let lines: Vec<_> = shown
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            ("Host", "127.0.0.1"),
            ("Port", port.as_str()),
            ("Database", "postgres"),
            ("Login", order.handle.as_str()),
        ]
    );
}

#[tokio::test]
async fn the_server_refuses_the_login_from_its_end_on_without_keylend() {
    let subject = Generated::start("60s").await;
    let mut order = subject.ask().await;
    order.expires_at = "2001-01-01T00:00:00Z".parse().expect("a moment");
    subject.grant(&order).await.expect("made");
    assert!(subject.log_in(&order).await.is_err());
}

#[tokio::test]
async fn an_open_session_dies_with_the_grant() {
    let subject = Generated::start("60s").await;
    let order = subject.ask().await;
    subject.grant(&order).await.expect("made");
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(subject.log_in(&order).await.expect("in"));
    }
    run(&mut sessions[0], "BEGIN").await.expect("a transaction");

    subject.revoke(&order).await.expect("taken back");
    for session in &mut sessions {
        assert!(is_dead(session).await);
    }
    assert!(subject.log_in(&order).await.is_err());
    assert!(!subject.0.has_role(order.handle.as_str()).await);
}

#[tokio::test]
async fn what_the_login_made_goes_to_the_role_in_every_database() {
    let subject = Generated::start("60s").await;
    let order = subject.ask().await;
    let (name, role) = (&subject.0.name, subject.0.role());
    let postgres = subject.0.postgres();
    postgres
        .execute(&format!("CREATE DATABASE {name}_other OWNER {role}"))
        .await;
    subject.grant(&order).await.expect("made");
    let mut session = subject.log_in(&order).await.expect("in");
    let mine = format!("CREATE TABLE {name}.mine (line text)");
    run(&mut session, &mine).await.expect("a table");
    let mut elsewhere = in_database(&subject, &order, &format!("{name}_other")).await;
    run(&mut elsewhere, "CREATE SCHEMA theirs")
        .await
        .expect("a schema");
    // Rights stand in the way of dropping a login as objects do.
    let rights = format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}");
    run(&mut session, &rights).await.expect("rights");

    subject.revoke(&order).await.expect("taken back");
    let seen = subject.0.backend.status(&order).await.expect("an answer");
    assert_eq!(seen, Presence::Absent);
    subject.0.backend.tend().await.expect("tended");
    assert!(!subject.0.has_role(order.handle.as_str()).await);
    let owner = postgres
        .query(&format!(
            "SELECT tableowner::text FROM pg_tables WHERE schemaname = '{name}'"
        ))
        .await;
    assert_eq!(owner[0].get::<String, _>(0), role);
}

async fn in_database(subject: &Generated, order: &Order, database: &str) -> PgConnection {
    let url = subject
        .0
        .postgres()
        .url_for(order.handle.as_str(), PASSWORD);
    let options = PgConnectOptions::from_str(&url).expect("a URL");
    PgConnection::connect_with(&options.database(database))
        .await
        .expect("in")
}

#[tokio::test]
async fn a_login_that_cannot_be_dropped_has_ended_and_is_dropped_when_it_can_be() {
    let subject = Generated::start("60s").await;
    let order = subject.ask().await;
    let (name, role) = (&subject.0.name, subject.0.role());
    let postgres = subject.0.postgres();
    postgres
        .execute(&format!("CREATE DATABASE {name}_other OWNER {role}"))
        .await;
    subject.grant(&order).await.expect("made");
    let mut session = in_database(&subject, &order, &format!("{name}_other")).await;
    run(&mut session, "CREATE SCHEMA theirs")
        .await
        .expect("a schema");
    postgres
        .execute(&format!(
            "REVOKE CONNECT ON DATABASE {name}_other FROM PUBLIC"
        ))
        .await;
    postgres
        .execute(&format!(
            "REVOKE CONNECT ON DATABASE {name}_other FROM {role}"
        ))
        .await;

    subject.revoke(&order).await.expect("taken back");
    assert!(is_dead(&mut session).await);
    assert!(subject.log_in(&order).await.is_err());
    let seen = subject.0.backend.status(&order).await.expect("an answer");
    assert_eq!(seen, Presence::Absent);
    subject.0.backend.tend().await.expect("tended");
    assert!(subject.0.has_role(order.handle.as_str()).await);

    postgres
        .execute(&format!("GRANT CONNECT ON DATABASE {name}_other TO PUBLIC"))
        .await;
    subject.0.backend.tend().await.expect("tended");
    assert!(!subject.0.has_role(order.handle.as_str()).await);
}

#[tokio::test]
async fn the_password_is_in_no_log_of_the_server() {
    let subject = Generated::start("60s").await;
    let order = subject.ask().await;
    subject.grant(&order).await.expect("made");
    subject.grant(&order).await.expect("made again");
    assert!(subject.works(&order).await);
    let log = subject.0.postgres().log().await;
    for verb in ["CREATE", "ALTER"] {
        let statement = format!("{verb} ROLE \"{}\"", order.handle);
        assert!(log.contains(&statement), "statements are logged");
    }
    assert!(!log.contains(PASSWORD));
}

#[tokio::test]
async fn a_login_that_keylend_did_not_make_is_not_touched() {
    let subject = Generated::start("60s").await;
    let name = &subject.0.name;
    subject
        .0
        .postgres()
        .execute(&format!("CREATE ROLE {name}_root LOGIN SUPERUSER"))
        .await;
    for login in ["root", "keylend"] {
        let mut order = subject.ask().await;
        order.handle = Handle::new(format!("{name}_{login}"));
        assert!(matches!(
            subject.grant(&order).await,
            Err(BackendError::Fail(_))
        ));
        subject.revoke(&order).await.expect("nothing of Keylend's");
        assert_eq!(subject.column(&order, "rolcanlogin").await, "true");
    }
}

#[tokio::test]
async fn no_login_is_made_without_a_password_or_under_a_name_that_would_be_cut() {
    let subject = Generated::start("60s").await;
    let mut order = subject.ask().await;
    let outcome = subject.0.backend.grant(&order, None).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
    order.handle = Handle::new("k".repeat(64));
    let outcome = subject.grant(&order).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
}

/// A replica that has lost its claim may still be at it when the next one starts.
#[tokio::test]
async fn of_two_who_make_one_login_the_newer_goes_on() {
    let subject = Generated::start_alone("60s").await;
    let order = subject.ask().await;
    let postgres = subject.0.postgres();
    let mut blocker = PgConnection::connect(&postgres.admin_url())
        .await
        .expect("in");
    let block = "BEGIN; LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE";
    run(&mut blocker, block).await.expect("locked");

    let older = async {
        let outcome = subject.grant(&order).await;
        run(&mut blocker, "COMMIT").await.expect("unlocked");
        outcome
    };
    let newer = async {
        let waiting = "SELECT FROM pg_stat_activity \
                       WHERE application_name LIKE 'keylend %' AND wait_event_type = 'Lock'";
        while postgres.query(waiting).await.is_empty() {}
        subject.grant(&order).await
    };
    let patience = Duration::from_secs(60);
    let both = async { tokio::join!(older, newer) };
    let (older, newer) = tokio::time::timeout(patience, both).await.expect("in time");
    assert!(matches!(older, Err(BackendError::Retry(_))), "{older:?}");
    newer.expect("made");
    assert!(subject.works(&order).await);
}
