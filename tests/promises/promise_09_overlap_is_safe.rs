//! Promise 9: Overlap is safe: when two grants give the same entitlement, ending one leaves it until the
//! other ends; an extension never interrupts.

use std::{fs, path::Path};

use sqlx::{Connection, PgConnection};

use crate::support::{
    fixture::{ALICE, APPROVALS, Fixture, Has, REQUEST, SCOPE, scope},
    postgres::Postgres,
    target::Mood,
};

const BACKEND: &str = r#"
[backends.pg.postgres]
url = { file = "DIR/pg_url" }
"#;

/// A target that keeps its URL in this file, with a scope to read and one to write.
fn logins(url: &Path) -> String {
    [
        BACKEND.replace("DIR/pg_url", &url.display().to_string()),
        scope(
            "pg:read",
            "PostgreSQL, read",
            r#"backend = "pg", role = "app_reader""#,
        ),
        scope(
            "pg:write",
            "PostgreSQL, write",
            r#"backend = "pg", role = "app_writer""#,
        ),
    ]
    .concat()
}

/// PostgreSQL does not tell which session of a login has taken which role, so all of them end.
#[tokio::test]
async fn done_warns_before_it_closes_sessions_of_another_grant() {
    let postgres = Postgres::start().await;
    postgres
        .execute("CREATE ROLE app_reader; CREATE ROLE app_writer; CREATE ROLE alice LOGIN PASSWORD 'hers'")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("pg_url");
    fs::write(&url, postgres.admin_url()).unwrap();
    let scopes = logins(&url);
    let fixture = Fixture::with(|config| format!("{config}{scopes}"), "").await;
    fixture.granted("request pg:read 30m").await;
    let grant = fixture.granted("request pg:write 30m").await;
    let mut session = PgConnection::connect(&postgres.url_for("alice", "hers"))
        .await
        .unwrap();

    let closes = "every session of `alice` on `pg`, which you use for `pg:read`";
    fixture.alice().click(&grant, "done").await;
    fixture.answered(ALICE, closes).await;
    let told = fixture.answer(ALICE, "done pg:write").await.all_text();
    assert!(told.contains(closes), "{told}");
    sqlx::query("SET ROLE app_writer")
        .execute(&mut session)
        .await
        .unwrap();

    let anyway = told.split("/jit ").nth(1).expect("a command");
    let anyway = anyway.split('`').next().expect("its end");
    fixture.jit(ALICE, anyway).await;
    fixture.ended(1).await;
    assert!(sqlx::query("SELECT 1").execute(&mut session).await.is_err());
    assert!(fixture.admitted(ALICE, "pg:read").await);

    // The last one interrupts nothing.
    fixture.jit(ALICE, "done pg:read").await;
    fixture.ended(2).await;
}

#[tokio::test]
async fn ending_one_of_two_grants_leaves_the_access_until_the_other_ends() {
    let fixture = Fixture::start().await;
    let first = fixture.granted(REQUEST).await;
    let second = fixture
        .granted("request db-prod:write 1h INC-4212 still failing")
        .await;
    fixture.alice().click(&first, "done").await;
    fixture.told(ALICE, "has ended:").await;
    assert!(fixture.console.admits("alice"));
    assert!(!fixture.console.was_interrupted());
    assert!(fixture.admitted(ALICE, SCOPE).await);

    fixture.alice().click(&second, "done").await;
    fixture.ended(2).await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn the_same_role_in_two_targets_is_two_pieces_of_access() {
    let one_role = |config: &str| config.replace("role = \"jump\"", "role = \"app_writer\"");
    let fixture = Fixture::with(one_role, "").await;
    let console = fixture.granted(REQUEST).await;
    fixture.granted("request db-prod:read 1h look").await;
    assert!(fixture.bastion.admits("alice"));

    fixture.alice().click(&console, "done").await;
    fixture.ended(1).await;
    assert!(!fixture.console.admits("alice"));
    assert!(fixture.bastion.admits("alice"));
}

#[tokio::test]
async fn preexisting_access_is_retained() {
    let fixture = Fixture::start().await;
    // A first grant tells what the entitlement is called in the target.
    let grant = fixture.granted(REQUEST).await;
    let entitlement = fixture.console.first_entitlement().unwrap();
    fixture.alice().click(&grant, "done").await;
    fixture.told(ALICE, "has ended:").await;
    // Until its last inspection, what is there again counts as Keylend's.
    fixture.advance_minutes(5);
    fixture.until_logged("layer_absence_confirmed", 1).await;

    fixture.console.admit(&entitlement, "alice");
    let revoked = fixture.console.orders("revoke");
    let grant = fixture.granted(REQUEST).await;
    let before = "You already had this access on `console` before. Keylend doesn't revoke that.";
    fixture.shows(&grant, before).await;
    fixture.audited("keeps the access after the grant").await;
    fixture.alice().click(&grant, "done").await;
    fixture.ended(2).await;
    let still = "You still have this access on `console`: it predates this grant.";
    fixture.shows(&grant, still).await;
    let notice = fixture.told(ALICE, still).await;
    assert!(notice.says("has ended:") || notice.ts == grant.ts);
    fixture.audited("<@U0ALICE> still has this access").await;
    assert!(
        fixture.console.admits("alice"),
        "it was not Keylend's to take"
    );
    assert_eq!(fixture.console.orders("revoke"), revoked);
}

#[tokio::test]
async fn an_extension_moves_the_end_without_a_gap() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    fixture.advance_minutes(27);
    fixture.jit(ALICE, "extend db-prod:write 20m").await;
    let card = fixture.open_card().await;
    fixture.alice().click(&card, "approve").await;
    fixture.answered(ALICE, "no-self-approval").await;
    fixture.bob().click(&card, "approve").await;
    fixture.audited("extended").await;
    fixture.shows(&grant, "db-prod:write").await;

    fixture.advance_minutes(22);
    let answer = fixture.check(ALICE, SCOPE).await;
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:50:00.000Z");
    assert!(!fixture.console.was_interrupted());
    fixture.advance_minutes(1);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended:").await;
}

/// The orders to grant this scope, whatever came of them.
fn grants_of(fixture: &Fixture, scope: &str) -> usize {
    let orders = fixture.console.documents().into_iter();
    orders
        .filter(|order| order["action"] == "grant" && order["scope"] == scope)
        .count()
}

/// Alice asks for more time, and Bob approves.
async fn extended(fixture: &Fixture, scope: &str) {
    fixture.jit(ALICE, &format!("extend {scope} 20m")).await;
    let card = fixture.in_time(|sim| {
        let mut cards = sim.messages(APPROVALS).into_iter();
        cards.find(|card| card.has("approve") && card.says(scope) && card.says("more of"))
    });
    fixture.bob().click(&card.await, "approve").await;
}

#[tokio::test]
async fn a_grant_that_ends_while_it_waits_for_another_one_is_not_ordered_any_more() {
    let same = scope(
        "console:write",
        "Console, write",
        r#"backend = "console", role = "app_writer""#,
    );
    let fixture = Fixture::with(|config| format!("{config}{same}"), "").await;
    fixture.granted(REQUEST).await;
    fixture.granted("request console:write 30m look").await;
    assert_eq!(grants_of(&fixture, "console:write"), 1);
    fixture.console.mood("grant", Mood::Hanging);
    extended(&fixture, "db-prod:write").await;
    fixture.console.until_ordered("grant", 3).await;

    // Its target is to hear of the later end after the target has answered about the first one.
    extended(&fixture, "console:write").await;
    fixture.until_logged("extended", 2).await;
    fixture.answer(ALICE, "done console:write").await;
    let kinds = fixture.kinds().await;
    assert!(
        kinds.contains(&"revocation_started".to_owned()),
        "{kinds:?}"
    );
    assert_eq!(grants_of(&fixture, "console:write"), 1);
    fixture.console.mood("grant", Mood::Well);
    fixture.ended(1).await;
    assert_eq!(grants_of(&fixture, "console:write"), 1);
    assert!(fixture.console.admits("alice"));
}
