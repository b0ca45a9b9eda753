//! Entries and rows that somebody writes and that cannot be read. Whatever is in them, access ends, and
//! they hide no other.

use slack_sim::Sim;

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{ALICE, APPROVALS, DAVE, Has as _, REQUEST, SECURITY},
};

on_both!(
    access_ends_on_time_whatever_was_appended,
    access_ends_when_its_holder_is_done_whatever_was_appended,
    access_ends_when_it_is_revoked_whatever_was_appended,
    access_ends_by_a_lock_whatever_was_appended,
    access_that_lost_its_row_ends_whatever_was_appended,
    a_lock_ends_what_was_hidden_from_it_though_another_lock_cannot_be_read,
    rows_of_due_that_name_no_request_keep_no_end_waiting,
);

/// Grants access and appends entries about it, and about no request, that are nothing that Keylend writes.
async fn granted(scene: &Scene) -> String {
    scene.fixture.granted(REQUEST).await;
    let id = scene.request().await;
    append(scene, &format!("'{id}'"), ["mac", "'no JSON'", "hash"]).await;
    append(scene, "NULL", ["''", "''", "''"]).await;
    match scene.address().starts_with("sqlite") {
        true => {
            let bytes = "CAST(x'fffe' AS TEXT)";
            append(scene, &format!("'{id}'"), [bytes; 3]).await;
            append(scene, bytes, [bytes; 3]).await;
        }
        false => {
            let nullable =
                ["mac", "body", "hash"].map(|name| format!("ALTER {name} DROP NOT NULL"));
            let statement = format!(
                "ALTER TABLE events {}; UPDATE write_probe SET number = number",
                nullable.join(", ")
            );
            scene.tamper(&statement).await;
            append(scene, &format!("'{id}'"), ["NULL"; 3]).await;
        }
    }
    // The approval once more, of what is no request, and dated when no access has ended yet.
    scene
        .tamper(
            "INSERT INTO events (seq, at, request_id, kind, actor, rules, body, prev_hash, hash,
                                 version, texts, mac)
             SELECT (SELECT max(seq) + 1 FROM events), '9999-12-31T23:59:59.999Z', 'no request', kind,
                    actor, rules, body, prev_hash, hash, -1, texts, ''
             FROM events WHERE kind = 'approved' ORDER BY seq LIMIT 1",
        )
        .await;
    id
}

/// Appends an entry about this request with this code, body and hash.
async fn append(scene: &Scene, request: &str, [code, body, hash]: [&str; 3]) {
    scene
        .tamper(&format!(
            "INSERT INTO events (seq, at, request_id, kind, actor, rules, body, prev_hash, hash,
                                 version, texts, mac)
             SELECT seq + 1, at, {request}, 'ended', 'keylend', 'no JSON', {body}, hash, {hash},
                    version, 'no JSON', {code}
             FROM events ORDER BY seq DESC LIMIT 1"
        ))
        .await;
}

async fn is_gone(scene: &Scene) {
    let fixture = &scene.fixture;
    let is_gone = |_: &Sim| (!fixture.console.admits("alice")).then_some(());
    fixture.in_time(is_gone).await;
}

async fn access_ends_on_time_whatever_was_appended(scene: Scene) {
    granted(&scene).await;
    scene.fixture.advance_minutes(31);
    is_gone(&scene).await;
}

async fn access_ends_when_its_holder_is_done_whatever_was_appended(scene: Scene) {
    granted(&scene).await;
    scene.fixture.answer(ALICE, "done").await;
    is_gone(&scene).await;
}

async fn access_ends_when_it_is_revoked_whatever_was_appended(scene: Scene) {
    granted(&scene).await;
    scene.fixture.end(SECURITY, "revoke @alice stolen").await;
    is_gone(&scene).await;
}

async fn access_ends_by_a_lock_whatever_was_appended(scene: Scene) {
    granted(&scene).await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    is_gone(&scene).await;
}

/// Nor does the row of `due` that they delete, or the row of the request.
async fn access_that_lost_its_row_ends_whatever_was_appended(scene: Scene) {
    let id = granted(&scene).await;
    scene
        .tamper(&format!(
            "DELETE FROM due WHERE request_id = '{id}';
             DELETE FROM layers WHERE request_id = '{id}';
             DELETE FROM credentials WHERE request_id = '{id}';
             DELETE FROM requests WHERE id = '{id}'"
        ))
        .await;
    scene.fixture.advance_minutes(2);
    scene.until("SELECT id FROM requests", &[&id]).await;
    scene.fixture.advance_minutes(31);
    is_gone(&scene).await;
}

/// The row of the grant is made right within a minute, and then the locks are looked at again.
async fn a_lock_ends_what_was_hidden_from_it_though_another_lock_cannot_be_read(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene
        .tamper("UPDATE requests SET open = 0, state = 'ended'")
        .await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    scene
        .tamper("INSERT INTO locks (target, set_at, lock) VALUES ('a target', 0, 'no JSON')")
        .await;
    scene.fixture.advance_minutes(3);
    is_gone(&scene).await;
}

/// More of them than a lane works on at once, and all of them due before the grant.
async fn rows_of_due_that_name_no_request_keep_no_end_waiting(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    for lane in ["", "console"] {
        let rows = match scene.address().starts_with("sqlite") {
            true => format!(
                "INSERT INTO due WITH RECURSIVE numbers (number) AS (
                     SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 300)
                 SELECT 'x' || number, '{lane}', 0 FROM numbers;
                 INSERT INTO due VALUES (CAST(x'ff' AS TEXT), '{lane}', 0),
                     (CAST(x'fe' AS TEXT), '{lane}', 9223372036854775807)"
            ),
            // Foreign keys are not checked like this, which an administrator of the database can do.
            false => format!(
                "SET session_replication_role = replica;
                 INSERT INTO due SELECT 'x' || number, '{lane}', 0
                 FROM generate_series(1, 300) AS numbers (number)"
            ),
        };
        scene.tamper(&rows).await;
    }
    scene.fixture.advance_minutes(31);
    is_gone(&scene).await;
}

/// Rows of requests that never were, of which nothing is UTF-8, and such rows beside the grant.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_ends_what_was_hidden_from_it_though_other_rows_are_not_utf_8() {
    let scene = Scene::on_sqlite().await;
    scene.fixture.granted(REQUEST).await;
    let id = scene.request().await;
    let bytes = "CAST(x'ff' AS TEXT)";
    scene
        .tamper(&format!(
            "PRAGMA ignore_check_constraints = ON;
             INSERT INTO requests (id, version, requester, scope, state, open, asked_at, failures,
                                   last_seq, snapshot, awaits)
             SELECT name, version, {bytes}, {bytes}, {bytes}, 1, 0, 9223372036854775807, last_seq,
                    {bytes}, 1
             FROM requests, (SELECT 'aaaaaaaaaa10' AS name UNION ALL SELECT {bytes})
             WHERE id = '{id}';
             INSERT INTO due VALUES ('{id}', {bytes}, 0);
             INSERT INTO layers VALUES ('{id}', 7, {bytes}, 1, 1);
             UPDATE requests SET open = 0, state = 'ended' WHERE id = '{id}'"
        ))
        .await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    scene.fixture.advance_minutes(3);
    is_gone(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_lock_is_not_utf_8_can_be_locked() {
    let scene = Scene::on_sqlite().await;
    scene.fixture.granted(REQUEST).await;
    scene
        .tamper(
            "INSERT INTO locks (target, set_at, lock)
             VALUES ('{\"person\":\"U0ALICE\"}', 0, CAST(x'ff' AS TEXT))",
        )
        .await;
    scene.fixture.end(SECURITY, "lock @alice stolen").await;
    let locks = scene.ask("SELECT lock FROM locks").await;
    assert!(locks.len() == 1 && locks[0].contains("stolen"), "{locks:?}");
    is_gone(&scene).await;
}

/// Keylend was restarted, so it does not know how far it had come.
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_channel_is_told_though_the_code_of_its_cursor_is_not_utf_8() {
    let mut scene = Scene::on_sqlite().await;
    scene.fixture.granted(REQUEST).await;
    scene.fixture.stop().await;
    scene
        .tamper("UPDATE cursors SET mac = CAST(x'ff' AS TEXT)")
        .await;
    scene.fixture.boot().await;
    let fixture = &scene.fixture;
    fixture.end(SECURITY, "lock lab:use a look").await;
    fixture.audited("locked by").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvers_are_asked_though_another_document_is_not_utf_8() {
    let scene = Scene::on_sqlite().await;
    let fixture = &scene.fixture;
    fixture.asked(REQUEST).await;
    let id = scene.request().await;
    scene
        .tamper(&format!(
            "UPDATE documents SET body = CAST(x'ff' AS TEXT), due_at = 0 WHERE key LIKE '%{id}%'"
        ))
        .await;
    let line = "request db-prod:write 20m INC-7 pods";
    fixture.jit(DAVE, line).await;
    let asked = |sim: &Sim| {
        let mut cards = sim.messages(APPROVALS).into_iter();
        cards.find(|card| card.says("pods") && card.has("approve"))
    };
    fixture.in_time(asked).await;
}
