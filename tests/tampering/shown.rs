//! Rows that somebody changes for a moment and puts back: what people saw meanwhile, they decide on.

use serde_json::Value;
use slack_sim::Sim;

use crate::{
    on_both,
    scene::Scene,
    signing::{posted, sign},
    support::fixture::{APPROVALS, AUDIT, BOB, DAVE, Has as _, REQUEST, SECURITY},
};

on_both!(
    an_approver_is_shown_what_the_log_says_and_no_row_that_was_put_back,
    a_home_asks_nothing_that_the_log_does_not_say,
    a_checkpoint_that_was_posted_stays_whatever_the_tables_say,
    a_table_does_not_keep_the_audit_channel_from_being_told,
);

const FORGED: &str = "restart a cache";

/// The snapshot of the request, to put it back as it was.
async fn snapshot(scene: &Scene, id: &str) -> String {
    let question = format!("SELECT snapshot FROM requests WHERE id = '{id}'");
    scene.ask(&question).await.remove(0)
}

async fn put_back(scene: &Scene, id: &str, snapshot: &str) {
    let snapshot = snapshot.replace('\'', "''");
    scene
        .tamper(&format!(
            "UPDATE requests SET snapshot = '{snapshot}' WHERE id = '{id}'"
        ))
        .await;
}

/// Gives documents their turn, and waits until they have had it.
async fn touch(scene: &Scene, like: &str) {
    let of = format!("FROM documents WHERE key LIKE '{like}'");
    let keys = scene.ask(&format!("SELECT key {of} ORDER BY key")).await;
    scene
        .tamper(&format!(
            "UPDATE documents SET due_at = 0 WHERE key LIKE '{like}'"
        ))
        .await;
    // The service looks at its documents when something happens.
    let asked = scene.fixture.sim.messages(APPROVALS).len();
    scene.fixture.jit(DAVE, "request lab:use 10m a look").await;
    scene
        .fixture
        .in_time(|sim| (sim.messages(APPROVALS).len() > asked).then_some(()))
        .await;
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let had = format!("SELECT key {of} AND due_at IS NULL ORDER BY key");
    scene.until(&had, &keys).await;
}

/// The click comes when the row is as the log says again, so nothing is wrong with it.
async fn an_approver_is_shown_what_the_log_says_and_no_row_that_was_put_back(scene: Scene) {
    let card = scene.fixture.asked(REQUEST).await;
    let id = scene.request().await;
    let before = snapshot(&scene, &id).await;
    scene
        .edit(&id, |snapshot| snapshot["terms"]["reason"] = FORGED.into())
        .await;
    touch(&scene, &format!("{id}/approval/%")).await;
    put_back(&scene, &id, &before).await;
    let shown = scene.fixture.sim.message(&card.channel, &card.ts).unwrap();
    assert!(shown.has("approve"), "{}", shown.all_text());
    assert!(!shown.says(FORGED), "{}", shown.all_text());
    assert!(shown.says("writes are failing"), "{}", shown.all_text());
}

async fn a_home_asks_nothing_that_the_log_does_not_say(scene: Scene) {
    let bob = scene.fixture.bob();
    scene.fixture.asked(REQUEST).await;
    bob.open_home().await;
    let asks = |text: &String| text.contains("writes are failing");
    let home = |sim: &Sim| sim.home(BOB).map(|home| home.all_text());
    scene.fixture.in_time(|sim| home(sim).filter(asks)).await;
    let id = scene.request().await;
    let before = snapshot(&scene, &id).await;
    scene
        .edit(&id, |snapshot| snapshot["terms"]["reason"] = FORGED.into())
        .await;
    touch(&scene, BOB).await;
    put_back(&scene, &id, &before).await;
    let shown = home(&scene.fixture.sim).unwrap();
    assert!(!shown.contains(FORGED), "{shown}");
}

/// Whoever can write to the tables says which message a card is.
async fn a_checkpoint_that_was_posted_stays_whatever_the_tables_say(mut scene: Scene) {
    sign(&mut scene).await;
    scene.fixture.end(SECURITY, "lock lab:use a look").await;
    scene.fixture.advance_minutes(61);
    let checkpoint = scene
        .fixture
        .in_time(|_| posted(&scene).into_iter().next())
        .await;
    scene.fixture.asked(REQUEST).await;
    let id = scene.request().await;
    let of = format!("FROM documents WHERE key LIKE '{id}/audit/%'");
    // Keylend would write over it while it posts the card.
    scene.fixture.audited("requested `db-prod:write`").await;
    let had = format!("SELECT 'had' {of} AND due_at IS NULL");
    scene.until(&had, &["had"]).await;
    let body = scene.ask(&format!("SELECT body {of}")).await.remove(0);
    let mut body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["channel"], AUDIT);
    body["ts"] = checkpoint.ts.clone().into();
    let body = body.to_string().replace('\'', "''");
    scene
        .tamper(&format!(
            "UPDATE documents SET body = '{body}' WHERE key LIKE '{id}/audit/%'"
        ))
        .await;
    scene.fixture.answer("U0ALICE", "withdraw").await;
    scene.until(&had, &["had"]).await;
    let shown = scene.fixture.sim.message(AUDIT, &checkpoint.ts).unwrap();
    assert_eq!(shown.all_text(), checkpoint.all_text());
    scene.fixture.audited("`messages_changed`").await;
}

/// The audit channel is where others see what happens.
async fn a_table_does_not_keep_the_audit_channel_from_being_told(scene: Scene) {
    scene.fixture.end(SECURITY, "lock lab:use a look").await;
    scene.fixture.audited("locked by").await;
    scene
        .tamper("UPDATE cursors SET seq = 1000000 WHERE name = 'audit'")
        .await;
    scene.fixture.answer(SECURITY, "unlock lab:use").await;
    for _ in 0..20 {
        scene.fixture.advance_minutes(1);
        scene.fixture.page("/healthz").await;
    }
    let told = scene.fixture.in_time(|sim| {
        let mut messages = sim.messages(AUDIT).into_iter();
        messages.rfind(|it| it.says("unlocked by"))
    });
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), told).await;
    assert!(told.is_ok(), "nobody was told");
    scene.fixture.audited("`messages_changed`").await;
    // What was told before is not told again.
    let locked = scene.fixture.sim.messages(AUDIT).into_iter();
    assert_eq!(
        locked
            .filter(|it| it.says("locked by") && !it.says("unlocked"))
            .count(),
        1
    );
}
