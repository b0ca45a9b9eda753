//! What Keylend does on tables that somebody changed.

use serde_json::{Value, json};

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{ALICE, DAVE, Has as _, REQUEST, SECURITY},
};

on_both!(
    a_lock_that_was_deleted_from_its_table_still_counts,
    a_snapshot_edited_to_approved_makes_nothing,
    a_snapshot_set_back_to_before_its_end_makes_nothing,
    a_vote_put_into_a_snapshot_approves_nothing,
    a_grant_whose_due_rows_were_deleted_still_ends,
    a_grant_still_ends_although_an_entry_of_another_request_cannot_be_read,
    a_grant_whose_snapshot_says_that_it_ended_still_ends,
    a_lock_whose_reason_was_taken_out_of_the_log_still_counts,
    a_grant_whose_end_was_moved_ends_all_the_same,
);

const STATE: &str = "SELECT state FROM requests";

async fn a_lock_whose_reason_was_taken_out_of_the_log_still_counts(mut scene: Scene) {
    let card = scene.fixture.asked(REQUEST).await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    scene.fixture.stop().await;
    scene.tamper("DELETE FROM locks").await;
    scene
        .tamper_with_the_log("UPDATE events SET texts = '{}' WHERE kind = 'locked'")
        .await;
    scene.fixture.boot().await;
    scene.bob_is_refused(&card).await;
    assert_eq!(scene.kinds().await, ["requested", "locked"]);
    scene.is_named(&["entry 2", "is missing"]).await;
}

async fn a_lock_that_was_deleted_from_its_table_still_counts(scene: Scene) {
    let fixture = &scene.fixture;
    let card = fixture.asked(REQUEST).await;
    fixture
        .end(SECURITY, "lock @alice her laptop is gone")
        .await;
    scene.tamper("DELETE FROM locks").await;

    scene.bob_is_refused(&card).await;
    scene.until(STATE, &["pending"]).await;
    scene
        .is_named(&["locks", "U0ALICE", "the row is missing"])
        .await;
    let refused = fixture.answer(ALICE, "request db-prod:read 10m look").await;
    assert!(!refused.has("withdraw"), "{refused:?}");
    assert_eq!(scene.kinds().await, ["requested", "locked"]);

    // An administrator can lift it all the same; then nothing stands in the way any more.
    fixture.answer(SECURITY, "unlock @alice").await;
    assert_eq!(
        scene.kinds().await,
        ["requested", "locked", "locked", "unlocked"]
    );
    scene.is_well().await;
    fixture.bob().click(&card, "approve").await;
    scene.until(STATE, &["active"]).await;
    assert!(fixture.console.admits("alice"));
}

/// What a snapshot holds once its request was approved, as far as an outsider can tell.
fn approved(snapshot: &mut Value, end: &str) {
    let id = snapshot["id"].as_str().unwrap().to_owned();
    snapshot["state"] = json!({"status": "approved"});
    snapshot["approvals"] =
        json!([{"by": "person:U0BOB", "at": snapshot["asked_at"], "rules": ["approver-group"]}]);
    snapshot["expires_at"] = json!(end);
    snapshot["warn_at"] = json!(end);
    snapshot["layers"] = json!([{
        "plan": {
            "backend": "console",
            "params": {"role": "app_writer"},
            "handle": format!("jit_{id}_0"),
            "entitlement": format!("console/jit_{id}_0"),
        },
        "progress": {"progress": "planned"},
        "failures": 0,
        "retry_at": null,
    }]);
}

/// Dave's request is granted in the same lane, behind what was due before it.
async fn the_lane_has_been_swept(scene: &Scene) {
    let fixture = &scene.fixture;
    fixture
        .jit(DAVE, "request db-prod:write 20m INC-7 pods")
        .await;
    let card = fixture.in_time(|sim| {
        let mut cards = sim.messages("C0DBA").into_iter();
        cards.find(|card| card.says("pods") && card.has("approve"))
    });
    let card = card.await;
    fixture.bob().click(&card, "approve").await;
    scene
        .until(
            "SELECT state FROM requests WHERE requester = 'U0DAVE'",
            &["active"],
        )
        .await;
}

async fn a_snapshot_edited_to_approved_makes_nothing(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.asked(REQUEST).await;
    let id = scene.request().await;
    let end = "2099-11-21T02:30:00Z";
    scene.edit(&id, |snapshot| approved(snapshot, end)).await;
    scene
        .tamper("UPDATE requests SET state = 'approved', awaits = 0")
        .await;
    scene
        .is_named(&["requests", &id, "state pending", "state approved"])
        .await;
    let far = "253402300799000";
    scene
        .tamper(&format!(
            "INSERT INTO due VALUES ('{id}', 'console', {far})"
        ))
        .await;
    scene
        .is_named(&["due", &id, "console", "the log says nothing"])
        .await;
    scene
        .tamper(&format!("UPDATE due SET due_at = 0 WHERE due_at = {far}"))
        .await;
    scene.until(STATE, &["pending"]).await;
    the_lane_has_been_swept(&scene).await;

    assert!(!fixture.console.admits("alice"));
    let alices = format!("SELECT kind FROM events WHERE request_id = '{id}' ORDER BY seq");
    assert_eq!(scene.ask(&alices).await, ["requested"]);
    scene.is_well().await;
}

async fn a_snapshot_set_back_to_before_its_end_makes_nothing(scene: Scene) {
    let fixture = &scene.fixture;
    let card = fixture.asked(REQUEST).await;
    let id = scene.request().await;
    // What the row was when the request was approved, kept by whoever can read it.
    fixture
        .console
        .mood("grant", crate::support::target::Mood::Hanging);
    fixture.bob().click(&card, "approve").await;
    scene.until(STATE, &["approved"]).await;
    let kept = scene.ask("SELECT snapshot FROM requests").await.remove(0);
    fixture
        .console
        .mood("grant", crate::support::target::Mood::Well);
    scene.until(STATE, &["active"]).await;
    let grant = fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    fixture.alice().click(&grant, "done").await;
    scene.until(STATE, &["ended"]).await;

    let version: Value = serde_json::from_str(&kept).unwrap();
    let version = &version["version"];
    scene
        .tamper(&format!(
            "UPDATE requests SET snapshot = '{kept}', state = 'approved', open = 1,
                 version = {version}"
        ))
        .await;
    scene
        .is_named(&["requests", &id, "state ended", "state approved"])
        .await;
    scene.tamper("DELETE FROM due").await;
    scene
        .tamper(&format!("INSERT INTO due VALUES ('{id}', 'console', 0)"))
        .await;
    scene.until(STATE, &["ended"]).await;
    the_lane_has_been_swept(&scene).await;
    assert!(!fixture.console.admits("alice"));
    scene.is_well().await;
}

async fn a_vote_put_into_a_snapshot_approves_nothing(scene: Scene) {
    let fixture = &scene.fixture;
    let card = fixture.asked("request db-prod:admin 15m failover").await;
    let id = scene.request().await;
    scene
        .edit(&id, |snapshot| {
            snapshot["approvals"] = json!([{
                "by": "person:U0CAROL", "at": snapshot["asked_at"], "rules": ["approver-group"]
            }]);
        })
        .await;
    scene.bob_is_refused(&card).await;
    assert_eq!(scene.kinds().await, ["requested"]);
    scene
        .is_named(&["requests", &id, "snapshot.approvals"])
        .await;
}

async fn a_grant_whose_due_rows_were_deleted_still_ends(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = scene.request().await;
    scene.tamper("DELETE FROM due").await;
    scene.is_named(&["due", &id, "the row is missing"]).await;
    scene.until_mended(&id).await;
    scene.is_well().await;
    assert!(fixture.console.admits("alice"));
    fixture.advance_minutes(30);
    scene.until(STATE, &["ended"]).await;
    assert!(!fixture.console.admits("alice"));
    scene.is_well().await;
}

async fn a_grant_still_ends_although_an_entry_of_another_request_cannot_be_read(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = scene.request().await;
    fixture
        .jit(DAVE, "request db-prod:write 20m INC-7 pods")
        .await;
    let of_dave = "SELECT state FROM requests WHERE requester = 'U0DAVE'";
    scene.until(of_dave, &["pending"]).await;
    scene
        .tamper_with_the_log(&format!(
            "UPDATE events SET body = '{{}}' WHERE request_id <> '{id}'"
        ))
        .await;
    scene
        .tamper(&format!("DELETE FROM due WHERE request_id = '{id}'"))
        .await;
    fixture.advance_minutes(32);
    let of_alice = "SELECT state FROM requests WHERE requester = 'U0ALICE'";
    scene.until(of_alice, &["ended"]).await;
    assert!(!fixture.console.admits("alice"));
}

async fn a_grant_whose_snapshot_says_that_it_ended_still_ends(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = scene.request().await;
    scene
        .edit(&id, |snapshot| {
            let at = snapshot["asked_at"].clone();
            snapshot["state"] = json!({
                "status": "ended", "cause": {"cause": "done"}, "by": "person:U0ALICE", "at": at
            });
        })
        .await;
    scene
        .tamper("UPDATE requests SET state = 'ended', open = 0")
        .await;
    scene.tamper("DELETE FROM due").await;
    scene
        .is_named(&["requests", &id, "state active", "state ended"])
        .await;
    scene.until_mended(&id).await;
    scene.until(STATE, &["active"]).await;
    fixture.advance_minutes(30);
    let last = "SELECT kind FROM events WHERE request_id IS NOT NULL ORDER BY seq DESC LIMIT 1";
    scene.until(last, &["ended"]).await;
    assert!(!fixture.console.admits("alice"));
    scene.is_well().await;
}

async fn a_grant_whose_end_was_moved_ends_all_the_same(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = scene.request().await;
    scene
        .edit(&id, |snapshot| {
            snapshot["expires_at"] = json!("2099-11-21T12:00:00Z")
        })
        .await;
    scene
        .tamper("UPDATE due SET due_at = due_at + 36000000 WHERE lane = ''")
        .await;
    scene
        .is_named(&["requests", &id, "snapshot.expires_at"])
        .await;
    fixture.advance_minutes(30);
    assert!(!fixture.admitted("alice@example.com", "db-prod:write").await);
    fixture.advance_minutes(2);
    scene.until(STATE, &["ended"]).await;
    assert!(!fixture.console.admits("alice"));
    scene.is_well().await;
}
