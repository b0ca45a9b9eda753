//! Promise 8: A credential is seen by its requester alone: never in a Slack message, a log line, the audit
//! trail, or in clear in the store. A real PostgreSQL server says whether it is one.

use std::{fs, path::Path};

use serde_json::json;
use slack_sim::Message;
use sqlx::{Connection, PgConnection};

use crate::support::{
    fixture::{ALICE, BOB, Fixture, Has, REQUEST, scope},
    postgres::Postgres,
};

const BACKEND: &str = r#"
[backends.pg.postgres]
url = { file = "DIR/pg_url" }
"#;

async fn fixture(postgres: &Postgres) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    fixture_with(postgres, folder.path()).await
}

/// The same, and it can start again for as long as the folder is there.
async fn fixture_with(postgres: &Postgres, folder: &Path) -> Fixture {
    postgres.execute("CREATE ROLE app_writer").await;
    let url = folder.join("pg_url");
    fs::write(&url, postgres.admin_url()).unwrap();
    let backend = BACKEND.replace("DIR/pg_url", &url.display().to_string());
    let layer = r#"backend = "pg", role = "app_writer", login = "generated""#;
    let scopes = backend + &scope("pg:login", "PostgreSQL, a login of one's own", layer);
    Fixture::with(|config| format!("{config}{scopes}"), "").await
}

/// What the modal says under the label.
fn secret(modal: &str, label: &str) -> String {
    let mut lines = modal.lines().skip_while(|line| *line != label);
    lines.nth(1).expect("a text under the label").to_owned()
}

/// What the requester is shown. A colleague who forges the click gets nothing.
async fn shown_to_alice_alone(fixture: &Fixture, grant: &Message) -> String {
    fixture.person(BOB).click(grant, "credentials").await;
    fixture.answered(BOB, "requester").await;
    assert!(fixture.person(BOB).modal().is_none());

    let alice = fixture.alice();
    alice.click(grant, "credentials").await;
    fixture.sim.wait_until(|_| alice.modal()).await.all_text()
}

/// Holds that a secret stands in no message, not in the log, and not in clear in the store.
async fn is_nowhere_else(fixture: &Fixture, secret: &str) {
    let outside_modals: Vec<String> = fixture
        .sim
        .calls()
        .iter()
        .filter(|call| !call.method.starts_with("views."))
        .map(|call| call.args.to_string())
        .collect();
    assert!(!outside_modals.concat().contains(secret));
    let log = serde_json::to_string(&fixture.log().await).unwrap();
    assert!(!log.contains(secret));
    for file in ["keylend.db", "keylend.db-wal"] {
        let bytes = fs::read(fixture.database().with_file_name(file)).unwrap_or_default();
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "the secret stands in clear in {file}");
    }
}

#[tokio::test]
async fn a_grant_ends_if_its_password_is_missing_from_the_store() {
    let postgres = Postgres::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut fixture = fixture_with(&postgres, folder.path()).await;
    fixture.granted("request pg:login 30m").await;
    fixture.stop().await;
    let url = format!("sqlite://{}", fixture.database().display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM credentials")
        .execute(&mut store)
        .await
        .unwrap();
    fixture.boot().await;
    fixture.ended(1).await;
    fixture.audited("no longer has its credentials").await;
    let logins = postgres
        .query("SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'jit%'")
        .await;
    assert!(logins.is_empty());
}

#[tokio::test]
async fn the_requester_sees_a_password_that_works_until_the_end_and_nobody_else_does() {
    let postgres = Postgres::start().await;
    let fixture = fixture(&postgres).await;
    let grant = fixture.granted("request pg:login 30m").await;
    assert!(grant.has("credentials"), "{}", grant.all_text());

    let modal = shown_to_alice_alone(&fixture, &grant).await;
    let alice = fixture.alice();
    let password = secret(&modal, "Password");
    let logins = postgres
        .query("SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'jit%'")
        .await;
    let login: String = sqlx::Row::get(&logins[0], 0);
    assert!(modal.contains(&login), "{modal}");
    let mut open = PgConnection::connect(&postgres.url_for(&login, &password))
        .await
        .unwrap();
    sqlx::query("SELECT 1").execute(&mut open).await.unwrap();
    fixture.audited("credentials").await;

    is_nowhere_else(&fixture, &password).await;

    // At the end the open session is dead, the login is gone, and nothing is left to show.
    fixture.advance_minutes(30);
    fixture.told(ALICE, "has ended:").await;
    assert!(sqlx::query("SELECT 1").execute(&mut open).await.is_err());
    assert!(
        PgConnection::connect(&postgres.url_for(&login, &password))
            .await
            .is_err()
    );
    alice.close_modal().await;
    alice.click(&grant, "credentials").await;
    fixture.answered(ALICE, "This request is ended").await;
    assert!(alice.modal().is_none());
}

#[tokio::test]
async fn showing_it_is_in_the_log_before_it_is_shown() {
    let postgres = Postgres::start().await;
    let fixture = fixture(&postgres).await;
    let grant = fixture.granted("request pg:login 30m").await;
    let alice = fixture.alice();
    alice.click(&grant, "credentials").await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    assert_eq!(fixture.kinds().await.last().unwrap(), "credential_shown");
}

#[tokio::test]
async fn what_a_target_gives_is_seen_by_the_requester_alone_until_the_end() {
    let fixture = Fixture::start().await;
    let token = "s3cr3t-t0ken-of-the-target";
    fixture.console.answers(json!({
        "secrets": [{ "label": "Token", "value": token }],
        "receipt": "lease-7",
    }));
    let grant = fixture.granted(REQUEST).await;
    assert!(grant.has("credentials"), "{}", grant.all_text());

    let modal = shown_to_alice_alone(&fixture, &grant).await;
    assert_eq!(secret(&modal, "Token"), token);
    fixture.audited("credentials").await;

    is_nowhere_else(&fixture, token).await;
    let log = serde_json::to_string(&fixture.log().await).unwrap();
    assert!(log.contains("lease-7"), "{log}");

    fixture.advance_minutes(30);
    fixture.ended(1).await;
    let orders = fixture.console.documents();
    let revoke = orders
        .iter()
        .find(|order| order["action"] == "revoke")
        .unwrap();
    assert_eq!(revoke["receipt"], "lease-7");
    assert!(fixture.console.orders("grant") == 1 && orders[0].get("receipt").is_none());
}

#[tokio::test]
async fn a_target_that_gives_something_else_than_the_protocol_says_gets_no_grant() {
    let fixture = Fixture::start().await;
    let token = "s3cr3t-t0ken-of-the-target";
    fixture.console.answers(json!({ "secrets": token }));
    fixture.asked(REQUEST).await;
    fixture
        .bob()
        .click(&fixture.open_card().await, "approve")
        .await;
    fixture.audited("not as the protocol says").await;
    fixture.told(ALICE, "couldn't be granted").await;
    assert!(!fixture.console.admits("alice"));
    let log = serde_json::to_string(&fixture.log().await).unwrap();
    assert!(!log.contains(token), "{log}");
}

#[tokio::test]
async fn a_password_that_another_key_sealed_is_not_shown_and_everybody_hears_why() {
    let postgres = Postgres::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut fixture = fixture_with(&postgres, folder.path()).await;
    let grant = fixture.granted("request pg:login 30m").await;
    fixture.stop().await;
    let key = fixture.config_file().with_file_name("key");
    let sealed_with = fs::read(&key).unwrap();
    fs::write(&key, "6f".repeat(32)).unwrap();
    fixture.boot().await;
    // Found at the start, before anybody needs them.
    fixture.audited("`wrong_key:").await;
    let alice = fixture.alice();
    alice.click(&grant, "credentials").await;
    fixture
        .answered(ALICE, "not the one that sealed them")
        .await;
    assert!(alice.modal().is_none());
    // Nothing was shown, and the log does not say so.
    let shown = "credential_shown".to_owned();
    assert!(!fixture.kinds().await.contains(&shown));

    fixture.stop().await;
    fs::write(&key, sealed_with).unwrap();
    fixture.boot().await;
    alice.click(&grant, "credentials").await;
    fixture.sim.wait_until(|_| alice.modal()).await;
    assert!(fixture.kinds().await.contains(&shown));
}
