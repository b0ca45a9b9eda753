//! Promise 8: A credential is seen by its requester alone: never in a Slack message, a log line, the audit
//! trail, or in clear in the store. A real PostgreSQL server says whether it is one.

use std::{fs, path::Path};

use sqlx::{Connection, PgConnection};

use crate::support::{
    postgres::Postgres,
    stage::{ALICE, BOB, Has, Stage},
};

const SCOPES: &str = r#"
[backends.pg.postgres]
url = { file = "DIR/pg_url" }
[scopes."pg:login"]
title = "PostgreSQL, a login of one's own"
risk = "high"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "optional"
layers = [{ backend = "pg", role = "app_writer", login = "generated" }]
"#;

async fn stage(postgres: &Postgres) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    stage_with(postgres, folder.path()).await
}

/// The same, and it can start again for as long as the folder is there.
async fn stage_with(postgres: &Postgres, folder: &Path) -> Stage {
    postgres.execute("CREATE ROLE app_writer").await;
    let url = folder.join("pg_url");
    fs::write(&url, postgres.admin_url()).unwrap();
    let scopes = SCOPES.replace("DIR/pg_url", &url.display().to_string());
    Stage::with(|config| format!("{config}{scopes}"), "").await
}

/// What the modal says between its back-quotes, by label.
fn password(modal: &str) -> String {
    let shown = modal
        .split("```")
        .nth(1)
        .expect("the password stands in a code block");
    shown.trim().to_owned()
}

#[tokio::test]
async fn a_grant_whose_password_is_not_in_the_store_any_more_ends() {
    let postgres = Postgres::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage_with(&postgres, folder.path()).await;
    stage.granted("request pg:login 30m").await;
    stage.stop().await;
    let url = format!("sqlite://{}", stage.database().display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM credentials")
        .execute(&mut store)
        .await
        .unwrap();
    stage.boot().await;
    stage.ended(1).await;
    stage.audited("no longer has its password").await;
    let logins = postgres
        .query("SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'jit%'")
        .await;
    assert!(logins.is_empty());
}

#[tokio::test]
async fn the_requester_sees_a_password_that_works_until_the_end_and_nobody_else_does() {
    let postgres = Postgres::start().await;
    let stage = stage(&postgres).await;
    let grant = stage.granted("request pg:login 30m").await;
    assert!(grant.has("credentials"), "{}", grant.all_text());

    // A colleague who forges the click gets nothing.
    stage.person(BOB).click(&grant, "credentials").await;
    stage.answered(BOB, "requester").await;
    assert!(stage.person(BOB).modal().is_none());

    let alice = stage.alice();
    alice.click(&grant, "credentials").await;
    let modal = stage.sim.wait_until(|_| alice.modal()).await.all_text();
    let password = password(&modal);
    let logins = postgres
        .query("SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'jit%'")
        .await;
    let login: String = sqlx::Row::get(&logins[0], 0);
    assert!(modal.contains(&login), "{modal}");
    let mut open = PgConnection::connect(&postgres.url_for(&login, &password))
        .await
        .unwrap();
    sqlx::query("SELECT 1").execute(&mut open).await.unwrap();
    stage.audited("credentials").await;

    // It is nowhere else.
    let outside_modals: Vec<String> = stage
        .sim
        .calls()
        .iter()
        .filter(|call| !call.method.starts_with("views."))
        .map(|call| call.args.to_string())
        .collect();
    assert!(!outside_modals.concat().contains(&password));
    assert!(
        !serde_json::to_string(&stage.log().await)
            .unwrap()
            .contains(&password)
    );
    for file in ["keylend.db", "keylend.db-wal"] {
        let bytes = fs::read(stage.database().with_file_name(file)).unwrap_or_default();
        let found = bytes
            .windows(password.len())
            .any(|window| window == password.as_bytes());
        assert!(!found, "the password stands in clear in {file}");
    }

    // At the end the open session is dead, the login is gone, and nothing is left to show.
    stage.advance_minutes(30);
    stage.told(ALICE, "has ended:").await;
    assert!(sqlx::query("SELECT 1").execute(&mut open).await.is_err());
    assert!(
        PgConnection::connect(&postgres.url_for(&login, &password))
            .await
            .is_err()
    );
    alice.close_modal().await;
    alice.click(&grant, "credentials").await;
    stage.answered(ALICE, "It is ended").await;
    assert!(alice.modal().is_none());
}

#[tokio::test]
async fn showing_it_is_in_the_log_before_it_is_shown() {
    let postgres = Postgres::start().await;
    let stage = stage(&postgres).await;
    let grant = stage.granted("request pg:login 30m").await;
    let alice = stage.alice();
    alice.click(&grant, "credentials").await;
    stage.sim.wait_until(|_| alice.modal()).await;
    assert_eq!(stage.kinds().await.last().unwrap(), "credential_shown");
}
