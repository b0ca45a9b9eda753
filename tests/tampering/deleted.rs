//! Entries that somebody deletes from the log, or adds for a moment, while Keylend runs.

use std::time::Duration;

use slack_sim::Sim;

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{ALICE, AUDIT, DAVE, REQUEST, SCOPE, SECURITY},
};

on_both!(
    access_whose_end_was_deleted_from_the_log_is_not_granted_again,
    no_check_says_yes_where_the_end_was_deleted_from_the_log,
    more_time_that_no_approver_saw_is_not_given,
    a_lock_counts_after_an_entry_far_ahead_was_there,
    nobody_gets_access_after_the_last_entry_was_deleted,
    no_check_says_yes_after_an_entry_far_ahead_was_there,
    the_audit_channel_is_told_after_an_entry_far_ahead_was_there,
    a_request_that_nobody_can_approve_is_told_after_an_entry_far_ahead_was_there,
);

/// Where an entry stands that is far ahead of the log.
const FAR: u64 = 1_000_000;

/// Gives the service time to do what it should not.
async fn let_it_work(scene: &Scene) {
    for _ in 0..50 {
        scene.fixture.page("/healthz").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Somebody else requests, so that the log ends with an entry that stays, and Keylend has read up to it.
async fn others_request(scene: &Scene) {
    let line = "request db-prod:write 20m INC-7 pods";
    scene.fixture.jit(DAVE, line).await;
    let of_dave = "SELECT state FROM requests WHERE requester = 'U0DAVE'";
    scene.until(of_dave, &["pending"]).await;
    scene.fixture.answer(DAVE, line).await;
}

/// The row of a request, to put it back.
async fn row(scene: &Scene, id: &str) -> String {
    let question = format!(
        "SELECT 'snapshot = ''' || replace(snapshot, '''', '''''') || ''', state = ''' || state
             || ''', open = 1, version = ' || version || ', last_seq = ' || last_seq
             || ', failures = ' || failures || ', awaits = ' || awaits
         FROM requests WHERE id = '{id}'"
    );
    scene.ask(&question).await.remove(0)
}

/// Deletes what came after the last entry of this kind about a request.
async fn delete_behind(scene: &Scene, id: &str, kind: &str) {
    scene
        .delete_from_the_log(&format!(
            "request_id = '{id}' AND seq > (
                 SELECT max(seq) FROM events WHERE request_id = '{id}' AND kind = '{kind}')"
        ))
        .await;
}

/// Alice's access was revoked. Nobody approves it again.
async fn access_whose_end_was_deleted_from_the_log_is_not_granted_again(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = scene.request().await;
    fixture.answer(ALICE, "done").await;
    fixture.ended(1).await;
    assert!(!fixture.console.admits("alice"));
    others_request(&scene).await;
    delete_behind(&scene, &id, "approved").await;
    scene
        .tamper(&format!(
            "DELETE FROM due WHERE request_id = '{id}';
             INSERT INTO due VALUES ('{id}', 'console', 0)"
        ))
        .await;
    // A commit wakes those who look for work.
    fixture.end(SECURITY, "lock lab:use a fire").await;
    let_it_work(&scene).await;
    assert!(
        !fixture.console.admits("alice"),
        "{:?}",
        scene.kinds().await
    );
}

async fn no_check_says_yes_where_the_end_was_deleted_from_the_log(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    assert!(fixture.admitted("alice@example.com", SCOPE).await);
    let id = scene.request().await;
    let before = row(&scene, &id).await;
    fixture.answer(ALICE, "done").await;
    fixture.ended(1).await;
    others_request(&scene).await;
    delete_behind(&scene, &id, "activated").await;
    scene
        .tamper(&format!("UPDATE requests SET {before} WHERE id = '{id}'"))
        .await;
    // Under other locks, all open requests are read again.
    fixture.end(SECURITY, "lock lab:use a fire").await;
    let_it_work(&scene).await;
    assert!(!fixture.admitted("alice@example.com", SCOPE).await);
}

/// The card shows ten minutes, and is kept from being updated.
async fn more_time_that_no_approver_saw_is_not_given(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = scene.request().await;
    let before = row(&scene, &id).await;
    fixture.answer(ALICE, "extend 10m").await;
    let card = fixture.open_card().await;
    scene
        .tamper(&format!(
            "UPDATE documents SET mac = '' WHERE key LIKE '{id}/extension/%'"
        ))
        .await;
    others_request(&scene).await;
    delete_behind(&scene, &id, "activated").await;
    scene
        .tamper(&format!("UPDATE requests SET {before} WHERE id = '{id}'"))
        .await;
    fixture.answer(ALICE, "extend 25m").await;
    fixture.bob().click(&card, "approve").await;
    let_it_work(&scene).await;
    let shown = fixture.sim.message(&card.channel, &card.ts).unwrap();
    let kinds = scene.kinds().await;
    assert!(
        !kinds.contains(&"extended".to_owned()),
        "{kinds:?} on {}",
        shown.all_text()
    );
}

/// Puts an entry that Keylend did not write far ahead of the log, gives it time to be read, and takes it
/// out again.
async fn far_ahead(scene: &Scene) {
    scene.insert_into_the_log_far_ahead(FAR).await;
    let_it_work(scene).await;
    scene.delete_from_the_log(&format!("seq >= {FAR}")).await;
}

async fn a_lock_counts_after_an_entry_far_ahead_was_there(scene: Scene) {
    let fixture = &scene.fixture;
    let card = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, "lock lab:use a look").await;
    far_ahead(&scene).await;
    fixture.end(SECURITY, "lock @alice stolen").await;
    scene
        .tamper("DELETE FROM locks WHERE target LIKE '%U0ALICE%'")
        .await;
    fixture.bob().click(&card, "approve").await;
    let_it_work(&scene).await;
    let kinds = scene.kinds().await;
    assert!(!kinds.contains(&"approved".to_owned()), "{kinds:?}");
}

/// It is deleted before Keylend has read it back. Access ends all the same.
async fn nobody_gets_access_after_the_last_entry_was_deleted(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let line = "request db-prod:write 20m INC-7 pods";
    fixture.jit(DAVE, line).await;
    let of_dave = "SELECT state FROM requests WHERE requester = 'U0DAVE'";
    scene.until(of_dave, &["pending"]).await;
    let card = fixture.open_card().await;
    fixture.end(SECURITY, "lock lab:use a look").await;
    scene.delete_from_the_log("kind = 'locked'").await;
    fixture.bob().click(&card, "approve").await;
    let_it_work(&scene).await;
    assert_eq!(scene.ask(of_dave).await, ["pending"]);
    fixture.jit(DAVE, "request db-prod:read 10m look").await;
    fixture.answered(DAVE, "log is damaged").await;
    fixture.audited("`chain_broken`").await;
    fixture.end(SECURITY, "lock @alice stolen").await;
    let is_gone = |_: &Sim| (!fixture.console.admits("alice")).then_some(());
    fixture.in_time(is_gone).await;
}

async fn no_check_says_yes_after_an_entry_far_ahead_was_there(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    far_ahead(&scene).await;
    fixture.answer(ALICE, "done").await;
    let state = "SELECT state FROM requests";
    scene.until(state, &["ended"]).await;
    assert!(!fixture.admitted("alice@example.com", SCOPE).await);
}

async fn the_audit_channel_is_told_after_an_entry_far_ahead_was_there(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.end(SECURITY, "lock lab:use a look").await;
    fixture.audited("locked by").await;
    far_ahead(&scene).await;
    fixture.answer(SECURITY, "unlock lab:use").await;
    let told = |sim: &Sim| {
        let mut messages = sim.messages(AUDIT).into_iter();
        messages.find(|it| it.says("unlocked by"))
    };
    for _ in 0..20 {
        fixture.advance_minutes(1);
        let_it_work_a_moment(&scene).await;
        if told(&fixture.sim).is_some() {
            return;
        }
    }
    let raised = fixture.page("/readyz").await.1;
    panic!("nobody was told of the unlock: {raised}");
}

/// What is new is looked at on its own: no five minutes pass until all that waits is looked at again.
async fn a_request_that_nobody_can_approve_is_told_after_an_entry_far_ahead_was_there(
    scene: Scene,
) {
    let fixture = &scene.fixture;
    fixture.sim.set_group("S0DBA", [""; 0]);
    fixture.end(SECURITY, "lock lab:use a look").await;
    far_ahead(&scene).await;
    fixture
        .jit(DAVE, "request db-prod:write 20m INC-7 pods")
        .await;
    for _ in 0..50 {
        let_it_work_a_moment(&scene).await;
        let raised = fixture.page("/readyz").await.1;
        if raised.contains("nobody_can_approve:db-prod:write") {
            return;
        }
    }
    panic!("nobody was told: {}", fixture.page("/readyz").await.1);
}

async fn let_it_work_a_moment(scene: &Scene) {
    scene.fixture.page("/healthz").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// The trigger acts when Keylend commits, after the last statement whose result it sees.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_deleted_while_it_is_committed_is_noticed() {
    let scene = Scene::on_postgres().await;
    let fixture = &scene.fixture;
    let card = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, "lock lab:use a look").await;
    scene
        .tamper(
            "DROP TRIGGER events_are_not_changed ON events;
             CREATE FUNCTION forgets() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 DELETE FROM keylend.events WHERE seq = NEW.seq;
                 DELETE FROM keylend.locks WHERE target LIKE '%U0ALICE%';
                 RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER forgets AFTER INSERT ON events
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                 WHEN (NEW.kind = 'locked') EXECUTE FUNCTION forgets();
             UPDATE write_probe SET number = number",
        )
        .await;
    fixture.end(SECURITY, "lock @alice stolen").await;
    fixture.bob().click(&card, "approve").await;
    let_it_work(&scene).await;
    let kinds = scene.kinds().await;
    assert!(!kinds.contains(&"approved".to_owned()), "{kinds:?}");
}
