//! What Keylend says is gone, and whom checks let in, on tables that somebody changed.

use serde_json::json;

use crate::{
    on_both,
    scene::Scene,
    support::{
        fixture::{DAVE, REQUEST, SECURITY},
        target::Mood,
    },
};

on_both!(
    access_is_revoked_though_its_snapshot_says_that_it_was_there_before,
    access_is_revoked_though_its_snapshot_was_edited_while_it_was_ending,
    access_is_revoked_though_its_snapshot_names_another_login,
    access_is_revoked_though_its_snapshot_has_no_layers,
    access_is_revoked_though_its_snapshot_was_set_back_to_pending,
    access_is_revoked_though_a_row_says_that_an_old_grant_still_needs_it,
    access_that_was_there_before_by_a_row_alone_is_given_by_keylend,
    a_lock_ends_a_grant_whose_snapshot_has_no_layers,
    access_is_revoked_though_texts_of_the_log_are_gone,
    a_request_whose_texts_are_gone_is_not_approved,
    more_time_is_not_given_to_a_grant_whose_texts_are_gone,
    a_lock_ends_a_grant_whose_address_in_the_log_was_changed,
    a_grant_that_ended_is_not_active_again_by_its_old_snapshot,
    an_old_snapshot_that_is_put_back_answers_no_check,
    rows_of_requests_that_never_were_keep_no_end_waiting,
    rows_that_cannot_be_read_keep_nothing_from_ending_by_a_lock,
    a_grant_whose_row_says_that_it_is_over_ends_by_a_lock,
    rows_beside_a_request_are_restored_within_a_minute,
    access_is_revoked_though_no_row_said_that_another_grant_gave_it,
    access_that_is_there_again_is_found_though_no_row_says_when_to_look,
);

const STATE: &str = "SELECT state FROM requests";
const LAST: &str = "SELECT kind FROM events WHERE request_id IS NOT NULL ORDER BY seq DESC LIMIT 1";

async fn ends(scene: &Scene) {
    scene.until(LAST, &["ended"]).await;
    assert!(!scene.fixture.console.admits("alice"));
    scene.is_well().await;
}

async fn access_is_revoked_though_its_snapshot_says_that_it_was_there_before(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene
        .tamper(
            "UPDATE requests SET snapshot = replace(snapshot, '\"managed\":true', '\"managed\":false')",
        )
        .await;
    scene.fixture.advance_minutes(30);
    ends(&scene).await;
}

/// More of them than a lane works on at once, and all of them due before the grant.
async fn rows_of_requests_that_never_were_keep_no_end_waiting(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let id = scene.request().await;
    for number in 10..99 {
        let fake = format!("aaaaaaaaaa{number}");
        scene
            .tamper(&format!(
                "INSERT INTO requests
                     SELECT '{fake}', version, requester, scope, state, 0, asked_at, failures,
                         last_seq, replace(snapshot, '{id}', '{fake}'), awaits
                     FROM requests WHERE id = '{id}'"
            ))
            .await;
        scene
            .tamper(&format!("INSERT INTO due VALUES ('{fake}', 'console', 0)"))
            .await;
    }
    scene.fixture.advance_minutes(30);
    scene.until(LAST, &["ended"]).await;
    assert!(!scene.fixture.console.admits("alice"));
}

/// Grants access, and has its end come while the target fails.
async fn failing_to_end(scene: &Scene) -> String {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(30);
    scene.until(LAST, &["layer_revoke_failed"]).await;
    scene.request().await
}

/// Lets the target be well, and the next try come.
async fn tried_again(scene: &Scene) {
    scene.fixture.console.mood("revoke", Mood::Well);
    scene.fixture.advance_minutes(6);
    ends(scene).await;
}

async fn access_is_revoked_though_its_snapshot_was_edited_while_it_was_ending(scene: Scene) {
    let id = failing_to_end(&scene).await;
    scene
        .edit(&id, |snapshot| {
            snapshot["layers"][0]["progress"]["managed"] = json!(false)
        })
        .await;
    tried_again(&scene).await;
}

async fn access_is_revoked_though_its_snapshot_names_another_login(scene: Scene) {
    let id = failing_to_end(&scene).await;
    scene
        .edit(&id, |snapshot| {
            snapshot["username"] = json!("mallory");
            snapshot["layers"][0]["plan"]["handle"] = json!("jit_mallory_0");
            snapshot["layers"][0]["plan"]["params"]["role"] = json!("another");
        })
        .await;
    tried_again(&scene).await;
}

async fn access_is_revoked_though_its_snapshot_has_no_layers(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let id = scene.request().await;
    scene
        .edit(&id, |snapshot| snapshot["layers"] = json!([]))
        .await;
    scene.fixture.advance_minutes(30);
    ends(&scene).await;
}

async fn access_is_revoked_though_its_snapshot_was_set_back_to_pending(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let id = scene.request().await;
    scene
        .edit(&id, |snapshot| {
            snapshot["state"] = json!({"status": "pending", "lapses_at": snapshot["asked_at"]});
        })
        .await;
    scene.tamper("UPDATE requests SET state = 'pending'").await;
    scene.fixture.advance_minutes(30);
    ends(&scene).await;
    assert!(!scene.kinds().await.contains(&"lapsed".to_owned()));
}

async fn access_is_revoked_though_a_row_says_that_an_old_grant_still_needs_it(scene: Scene) {
    let fixture = &scene.fixture;
    let grant = fixture.granted(REQUEST).await;
    fixture.alice().click(&grant, "done").await;
    scene.until(LAST, &["ended"]).await;
    fixture.advance_minutes(5);
    scene.until(LAST, &["layer_absence_confirmed"]).await;
    let old = scene.request().await;
    fixture.granted(REQUEST).await;
    scene
        .tamper(&format!(
            "INSERT INTO layers (request_id, layer, entitlement, managed, goes_on)
                 SELECT '{old}', 0, entitlement, 1, 1 FROM layers"
        ))
        .await;
    fixture.advance_minutes(30);
    ends_named(&scene, &old).await;
}

/// The row that was put in is still there, and named; the access is gone all the same.
async fn ends_named(scene: &Scene, old: &str) {
    scene.until(LAST, &["ended"]).await;
    assert!(!scene.fixture.console.admits("alice"));
    let left =
        "SELECT body FROM events WHERE kind = 'layer_revoked' AND body LIKE '%retained_by_grant%'";
    assert!(scene.ask(left).await.is_empty());
    scene.is_named(&["layers", old]).await;
}

async fn access_that_was_there_before_by_a_row_alone_is_given_by_keylend(scene: Scene) {
    let fixture = &scene.fixture;
    let grant = fixture.granted(REQUEST).await;
    let row = scene.ask("SELECT entitlement FROM layers").await.remove(0);
    fixture.alice().click(&grant, "done").await;
    scene.until(LAST, &["ended"]).await;
    fixture.advance_minutes(5);
    scene.until(LAST, &["layer_absence_confirmed"]).await;
    let old = scene.request().await;
    scene
        .tamper(&format!(
            "INSERT INTO layers (request_id, layer, entitlement, managed, goes_on)
                 VALUES ('{old}', 0, '{row}', 0, 1)"
        ))
        .await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(30);
    ends_named(&scene, &old).await;
}

async fn a_lock_ends_a_grant_whose_snapshot_has_no_layers(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let id = scene.request().await;
    scene
        .edit(&id, |snapshot| snapshot["layers"] = json!([]))
        .await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    ends(&scene).await;
}

async fn access_is_revoked_though_texts_of_the_log_are_gone(mut scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene
        .tamper_with_the_log("UPDATE events SET texts = '{}' WHERE kind = 'requested'")
        .await;
    scene.is_named(&["verified", "texts missing"]).await;
    scene.fixture.stop().await;
    // Nor is there a row that says when it ends, and nobody knows all of it any more.
    scene.empty_all_tables_but_the_log().await;
    scene.fixture.boot().await;
    assert!(!is_admitted(&scene).await);
    scene.fixture.advance_minutes(32);
    scene.until(LAST, &["ended"]).await;
    assert!(!scene.fixture.console.admits("alice"));
    scene.is_named(&["verified", "texts missing"]).await;
    assert!(!scene.verify().await.1.contains("differences"));
}

async fn a_request_whose_texts_are_gone_is_not_approved(scene: Scene) {
    let card = scene.fixture.asked(REQUEST).await;
    scene
        .tamper_with_the_log("UPDATE events SET texts = '{}' WHERE kind = 'requested'")
        .await;
    scene.fixture.advance_minutes(2);
    scene.bob_is_refused(&card).await;
    assert_eq!(scene.kinds().await, ["requested"]);
    // It lapses all the same.
    scene.fixture.advance_minutes(60);
    scene.until(LAST, &["lapsed"]).await;
}

async fn more_time_is_not_given_to_a_grant_whose_texts_are_gone(mut scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene.fixture.stop().await;
    scene
        .tamper_with_the_log("UPDATE events SET texts = '{}' WHERE kind = 'requested'")
        .await;
    scene.fixture.boot().await;
    scene.fixture.answer("U0ALICE", "extend 15m").await;
    let kinds = scene.kinds().await;
    assert!(
        !kinds.contains(&"extension_requested".to_owned()),
        "{kinds:?}"
    );
    scene.fixture.advance_minutes(30);
    scene.until(LAST, &["ended"]).await;
    assert!(!scene.fixture.console.admits("alice"));
}

async fn a_lock_ends_a_grant_whose_address_in_the_log_was_changed(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene
        .tamper_with_the_log("UPDATE events SET texts = replace(texts, 'alice@', 'mallory@')")
        .await;
    scene
        .is_named(&["entry 1", "the text of /email does not have its digest"])
        .await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    let is_gone = |_: &slack_sim::Sim| (!scene.fixture.console.admits("alice")).then_some(());
    scene.fixture.in_time(is_gone).await;
}

async fn rows_that_cannot_be_read_keep_nothing_from_ending_by_a_lock(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    // More of them than are read at a time, and all of them before the grant.
    for number in 100..350 {
        let snapshot = match number % 2 {
            0 => "'nonsense'",
            _ => "snapshot",
        };
        scene
            .tamper(&format!(
                "INSERT INTO requests
                     SELECT 'aaaaaaaaa{number}', version, requester, scope, state, 1, 0, failures,
                         last_seq, {snapshot}, awaits
                     FROM requests WHERE open = 1 ORDER BY asked_at DESC LIMIT 1"
            ))
            .await;
    }
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    scene.until(LAST, &["ended"]).await;
    assert!(!scene.fixture.console.admits("alice"));
}

async fn a_grant_whose_row_says_that_it_is_over_ends_by_a_lock(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene
        .tamper("UPDATE requests SET open = 0, state = 'ended'")
        .await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    scene.fixture.advance_minutes(3);
    ends(&scene).await;
}

async fn access_is_revoked_though_no_row_said_that_another_grant_gave_it(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene.tamper("DELETE FROM layers").await;
    let again = "request db-prod:write 40m INC-4212 still failing";
    scene.fixture.granted(again).await;
    scene.fixture.advance_minutes(41);
    scene
        .until("SELECT DISTINCT state FROM requests", &["ended"])
        .await;
    assert!(!scene.fixture.console.admits("alice"));
    scene.is_well().await;
}

async fn rows_beside_a_request_are_restored_within_a_minute(mut scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene.is_well().await;
    for change in [
        "DELETE FROM layers",
        "UPDATE layers SET managed = 0",
        "UPDATE due SET due_at = due_at + 1000000000",
        "UPDATE requests SET requester = 'U0BOB'",
        "UPDATE requests SET failures = 7",
    ] {
        scene.tamper(change).await;
        assert!(!scene.verify().await.0, "{change}");
        scene.fixture.advance_minutes(2);
        scene.until_well().await;
        // So that the next minute begins now, and not with the end of this look.
        scene.fixture.stop().await;
        scene.fixture.boot().await;
    }
}

/// Has a grant end early, and puts the snapshot that it had while it was active back with a later
/// end. Answers its name.
async fn put_back(scene: &Scene) -> String {
    let fixture = &scene.fixture;
    let grant = fixture.granted(REQUEST).await;
    scene.until(STATE, &["active"]).await;
    let kept = scene.ask("SELECT snapshot FROM requests").await.remove(0);
    fixture.alice().click(&grant, "done").await;
    scene.until(STATE, &["ended"]).await;
    let mut snapshot: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let version = snapshot["version"].clone();
    snapshot["expires_at"] = json!("2099-11-21T02:30:00Z");
    scene
        .tamper(&format!(
            "UPDATE requests SET snapshot = '{snapshot}', state = 'active', open = 1,
                 version = {version}"
        ))
        .await;
    scene.request().await
}

async fn a_grant_that_ended_is_not_active_again_by_its_old_snapshot(scene: Scene) {
    let id = put_back(&scene).await;
    scene
        .tamper(&format!("INSERT INTO due VALUES ('{id}', '', 0)"))
        .await;
    // Its warning is due, and its end is not.
    scene.fixture.advance_minutes(28);
    scene.until(STATE, &["ended"]).await;
    scene.until(LAST, &["layer_absence_confirmed"]).await;
    assert!(!scene.kinds().await.contains(&"warned".to_owned()));
    scene.is_well().await;
}

async fn an_old_snapshot_that_is_put_back_answers_no_check(mut scene: Scene) {
    put_back(&scene).await;
    // A lock has memory read everything again, and so has its end.
    let lock = json!({
        "target": {"person": "U0NOBODY"}, "person": [], "by": "U0SEC", "reason": "none",
        "at": "2026-11-21T02:00:00Z",
    });
    scene
        .tamper(&format!(
            "INSERT INTO locks (target, set_at, lock) VALUES ('x', 0, '{lock}')"
        ))
        .await;
    assert!(!is_admitted_after(&scene, "request db-prod:read 10m pods").await);
    scene.tamper("DELETE FROM locks").await;
    assert!(!is_admitted_after(&scene, "request lab:use 10m pods").await);
    scene.fixture.stop().await;
    scene.fixture.boot().await;
    assert!(!is_admitted(&scene).await);
}

async fn is_admitted(scene: &Scene) -> bool {
    let check = scene.fixture.admitted("alice@example.com", "db-prod:write");
    check.await
}

/// Whether checks let Alice in once they know of one more request, and so of the locks before it.
async fn is_admitted_after(scene: &Scene, line: &str) -> bool {
    let before = scene.kinds().await.len();
    scene.fixture.jit(DAVE, line).await;
    let count = "SELECT CAST(count(*) AS TEXT) FROM events WHERE kind NOT LIKE 'approver_group%'";
    scene.until(count, &[&(before + 1).to_string()]).await;
    is_admitted(scene).await
}

async fn access_that_is_there_again_is_found_though_no_row_says_when_to_look(scene: Scene) {
    let fixture = &scene.fixture;
    let grant = fixture.granted(REQUEST).await;
    fixture.alice().click(&grant, "done").await;
    scene.until(LAST, &["ended"]).await;
    scene.tamper("DELETE FROM due").await;
    let entitlement = fixture.console.first_entitlement().unwrap();
    fixture.console.admit(&entitlement, "alice");
    fixture.advance_minutes(7);
    let found = "SELECT kind FROM events WHERE kind = 'layer_reappeared'";
    scene.until(found, &["layer_reappeared"]).await;
    ends(&scene).await;
}
