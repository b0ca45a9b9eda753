//! Promise 9: Overlap is safe: when two grants give the same entitlement, ending one leaves it until the
//! other ends; an extension never interrupts.

use std::fs;

use sqlx::{Connection, PgConnection};

use crate::support::{
    postgres::Postgres,
    stage::{ALICE, REQUEST, SCOPE, Stage},
};

const LOGINS: &str = r#"
[backends.pg.postgres]
url = { file = "DIR/pg_url" }
[scopes."pg:read"]
title = "PostgreSQL, read"
risk = "high"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "optional"
layers = [{ backend = "pg", role = "app_reader" }]
[scopes."pg:write"]
title = "PostgreSQL, write"
risk = "high"
default_duration = "30m"
max_duration = "1h"
requesters = ["engineers"]
approvers = ["dba"]
approval_channel = "C0DBA"
reason = "optional"
layers = [{ backend = "pg", role = "app_writer" }]
"#;

/// PostgreSQL does not tell which session of a login has taken which role, so all of them end.
#[tokio::test]
async fn done_says_first_that_it_closes_the_sessions_of_another_grant() {
    let postgres = Postgres::start().await;
    postgres
        .execute("CREATE ROLE app_reader; CREATE ROLE app_writer; CREATE ROLE alice LOGIN PASSWORD 'hers'")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("pg_url");
    fs::write(&url, postgres.admin_url()).unwrap();
    let scopes = LOGINS.replace("DIR/pg_url", &url.display().to_string());
    let stage = Stage::with(|config| format!("{config}{scopes}"), "").await;
    stage.granted("request pg:read 30m").await;
    let grant = stage.granted("request pg:write 30m").await;
    let mut session = PgConnection::connect(&postgres.url_for("alice", "hers"))
        .await
        .unwrap();

    let closes = "every session of `alice` on `pg`, which you use for `pg:read`";
    stage.alice().click(&grant, "done").await;
    stage.answered(ALICE, closes).await;
    let told = stage.answer(ALICE, "done pg:write").await.all_text();
    assert!(told.contains(closes), "{told}");
    sqlx::query("SET ROLE app_writer")
        .execute(&mut session)
        .await
        .unwrap();

    let anyway = told.split("/jit ").nth(1).expect("a command");
    let anyway = anyway.split('`').next().expect("its end");
    stage.jit(ALICE, anyway).await;
    stage.ended(1).await;
    assert!(sqlx::query("SELECT 1").execute(&mut session).await.is_err());
    assert!(stage.admitted(ALICE, "pg:read").await);

    // The last one interrupts nothing.
    stage.jit(ALICE, "done pg:read").await;
    stage.ended(2).await;
}

#[tokio::test]
async fn ending_one_of_two_grants_leaves_the_access_until_the_other_ends() {
    let stage = Stage::start().await;
    let first = stage.granted(REQUEST).await;
    let second = stage
        .granted("request db-prod:write 1h INC-4212 still failing")
        .await;
    stage.alice().click(&first, "done").await;
    stage.told(ALICE, "has ended:").await;
    assert!(stage.console.admits("alice"));
    assert!(!stage.console.was_interrupted());
    assert!(stage.admitted(ALICE, SCOPE).await);

    stage.alice().click(&second, "done").await;
    stage.ended(2).await;
    assert!(!stage.console.admits("alice"));
}

#[tokio::test]
async fn the_same_role_in_two_targets_is_two_pieces_of_access() {
    let one_role = |config: &str| config.replace("role = \"jump\"", "role = \"app_writer\"");
    let stage = Stage::with(one_role, "").await;
    let console = stage.granted(REQUEST).await;
    stage.granted("request db-prod:read 1h look").await;
    assert!(stage.bastion.admits("alice"));

    stage.alice().click(&console, "done").await;
    stage.ended(1).await;
    assert!(!stage.console.admits("alice"));
    assert!(stage.bastion.admits("alice"));
}

#[tokio::test]
async fn access_that_was_there_before_is_left_as_it_was() {
    let stage = Stage::start().await;
    // A first grant tells what the entitlement is called in the target.
    let grant = stage.granted(REQUEST).await;
    let entitlement = stage.console.first_entitlement().unwrap();
    stage.alice().click(&grant, "done").await;
    stage.told(ALICE, "has ended:").await;

    stage.console.admit(&entitlement, "alice");
    let revoked = stage.console.orders("revoke");
    let grant = stage.granted(REQUEST).await;
    stage.alice().click(&grant, "done").await;
    stage.ended(2).await;
    assert!(
        stage.console.admits("alice"),
        "it was not Keylend's to take"
    );
    assert_eq!(stage.console.orders("revoke"), revoked);
}

#[tokio::test]
async fn an_extension_moves_the_end_without_a_gap() {
    let stage = Stage::start().await;
    let grant = stage.granted(REQUEST).await;
    stage.advance_minutes(27);
    stage.jit(ALICE, "extend db-prod:write 20m").await;
    let card = stage.open_card().await;
    stage.alice().click(&card, "approve").await;
    stage.answered(ALICE, "no-self-approval").await;
    stage.bob().click(&card, "approve").await;
    stage.audited("extended").await;
    stage.shows(&grant, "db-prod:write").await;

    stage.advance_minutes(22);
    let answer = stage.check(ALICE, SCOPE).await;
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:50:00.000Z");
    assert!(!stage.console.was_interrupted());
    stage.advance_minutes(1);
    assert!(!stage.admitted(ALICE, SCOPE).await);
    stage.told(ALICE, "has ended:").await;
}
