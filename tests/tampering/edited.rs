//! Rows of a grant that are edited so that they say the same as each other, and something else than the
//! log, after an entry about the grant was appended. The entry keeps Keylend from nothing that ends access.

use serde_json::json;
use slack_sim::Sim;

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{ALICE, REQUEST, SECURITY},
};

on_both!(
    access_ends_on_time_though_its_row_says_that_it_ends_later,
    access_ends_on_time_though_its_row_says_that_it_is_over,
    access_ends_on_time_though_no_row_says_when_it_is_due,
    its_holder_ends_access_though_its_row_said_that_it_is_over,
    access_is_revoked_though_its_row_said_that_it_is_over,
    a_lock_ends_access_though_its_row_said_that_it_is_over,
    access_ends_though_the_code_of_an_entry_before_others_was_changed,
);

const STATE: &str = "SELECT state FROM requests";

/// Grants access, and appends an entry about it that Keylend did not write.
async fn granted(scene: &Scene) -> String {
    scene.fixture.granted(REQUEST).await;
    scene.until(STATE, &["active"]).await;
    let id = scene.request().await;
    scene
        .tamper(&format!(
            "INSERT INTO events (seq, at, request_id, kind, actor, rules, body, prev_hash, hash,
                                 version, texts, mac)
             SELECT seq + 1, at, '{id}', 'ended', 'keylend', '[]', '{{}}', hash, hash, version,
                    '{{}}', mac
             FROM events ORDER BY seq DESC LIMIT 1"
        ))
        .await;
    id
}

/// The same, and has its rows say that it is over.
async fn granted_and_over(scene: &Scene) {
    let id = granted(scene).await;
    scene
        .edit(&id, |snapshot| {
            let at = snapshot["asked_at"].clone();
            snapshot["state"] = json!({
                "status": "ended", "cause": {"cause": "done"}, "by": "person:U0ALICE", "at": at
            });
        })
        .await;
    scene
        .tamper("UPDATE requests SET state = 'ended', open = 0; DELETE FROM due")
        .await;
}

/// Waits until the row is what the log says.
async fn is_restored(scene: &Scene) {
    scene.fixture.advance_minutes(2);
    scene.until(STATE, &["active"]).await;
}

async fn is_gone(scene: &Scene) {
    let fixture = &scene.fixture;
    let is_gone = |_: &Sim| (!fixture.console.admits("alice")).then_some(());
    fixture.in_time(is_gone).await;
}

async fn access_ends_on_time_though_its_row_says_that_it_ends_later(scene: Scene) {
    let id = granted(&scene).await;
    scene
        .edit(&id, |snapshot| {
            snapshot["expires_at"] = json!("2099-11-21T12:00:00Z");
        })
        .await;
    scene
        .tamper("UPDATE due SET due_at = due_at + 36000000 WHERE lane = ''")
        .await;
    scene.fixture.advance_minutes(33);
    is_gone(&scene).await;
}

async fn access_ends_on_time_though_its_row_says_that_it_is_over(scene: Scene) {
    granted_and_over(&scene).await;
    is_restored(&scene).await;
    scene.fixture.advance_minutes(31);
    is_gone(&scene).await;
}

/// The row of the request says what the log says.
async fn access_ends_on_time_though_no_row_says_when_it_is_due(scene: Scene) {
    granted(&scene).await;
    scene.tamper("DELETE FROM due").await;
    scene.fixture.advance_minutes(33);
    is_gone(&scene).await;
}

async fn its_holder_ends_access_though_its_row_said_that_it_is_over(scene: Scene) {
    granted_and_over(&scene).await;
    is_restored(&scene).await;
    scene.fixture.answer(ALICE, "done").await;
    is_gone(&scene).await;
}

async fn access_is_revoked_though_its_row_said_that_it_is_over(scene: Scene) {
    granted_and_over(&scene).await;
    is_restored(&scene).await;
    scene.fixture.end(SECURITY, "revoke @alice stolen").await;
    is_gone(&scene).await;
}

/// The lock is set while the row hides the grant from it.
async fn a_lock_ends_access_though_its_row_said_that_it_is_over(scene: Scene) {
    granted_and_over(&scene).await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    scene.fixture.advance_minutes(3);
    is_gone(&scene).await;
}

/// Without that entry, the others make a request that nobody approved. So the row counts, which knows what
/// is in the target.
async fn access_ends_though_the_code_of_an_entry_before_others_was_changed(mut scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene.until(STATE, &["active"]).await;
    scene.fixture.stop().await;
    scene
        .tamper_with_the_log(
            "UPDATE events SET mac = '' WHERE kind = 'approved'; DELETE FROM kept_people",
        )
        .await;
    scene.fixture.boot().await;
    scene.fixture.advance_minutes(31);
    is_gone(&scene).await;
}
