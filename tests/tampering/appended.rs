//! An entry that somebody appends to the log, with the hash that Keylend would have given it.

use keylend::{
    domain::LockTarget,
    store::{Address, LoggedLocks, RawEntry, StoreKey},
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{ALICE, DAVE, REQUEST, SCOPE, SECURITY},
};

on_both!(
    an_approval_that_nobody_gave_gives_no_access,
    a_grant_that_somebody_appends_gives_no_yes,
    an_end_that_somebody_appends_keeps_no_access,
    an_entry_that_somebody_appends_lifts_no_lock,
    under_another_key_nothing_is_approved_and_everything_ends,
);

async fn entries(scene: &Scene) -> Vec<RawEntry> {
    let address: Address = scene.address().parse().unwrap();
    let store = address.open_read_only(None).await.unwrap();
    let entries = store.raw_entries(0, u32::MAX).await.unwrap();
    store.close().await;
    entries
}

/// Appends the last entry of this kind once more, about this request if it is about one, with the code of
/// the entry that it is like.
async fn append(scene: &Scene, kind: &str, request: Option<&str>) {
    let entries = entries(scene).await;
    let last = entries.last().unwrap();
    let like = entries.iter().rfind(|entry| entry.kind == kind).unwrap();
    let mut forged = like.clone();
    if let Some(request) = request {
        let earlier = forged.request_id.replace(request.to_owned()).unwrap();
        let body = forged.body.get().replace(&earlier, request);
        forged.body = RawValue::from_string(body).unwrap();
    }
    forged.seq = last.seq + 1;
    forged.at.clone_from(&last.at);
    forged.prev_hash.clone_from(&last.hash);
    let hashed = format!("{}{}", forged.prev_hash, forged.canonical());
    forged.hash = hex::encode(Sha256::digest(hashed));
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let request = forged.request_id.as_deref().map(quoted);
    scene
        .tamper(&format!(
            "INSERT INTO events (seq, at, request_id, kind, actor, rules, body, prev_hash, hash,
                                 version, texts, mac)
             VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
                     (SELECT mac FROM events WHERE seq = {}))",
            forged.seq,
            quoted(&forged.at),
            request.unwrap_or("NULL".to_owned()),
            quoted(&forged.kind),
            quoted(&forged.actor),
            quoted(forged.rules.get()),
            quoted(forged.body.get()),
            quoted(&forged.prev_hash),
            quoted(&forged.hash),
            forged.version,
            quoted(forged.texts.get()),
            like.seq,
        ))
        .await;
}

/// Alice had access once and asks again. Answers the request that waits.
async fn asked_again(scene: &Scene) -> String {
    scene.fixture.answer(ALICE, "done").await;
    scene.fixture.ended(1).await;
    scene
        .fixture
        .asked("request db-prod:write 30m INC-4212 once more")
        .await;
    let pending = "SELECT id FROM requests WHERE state = 'pending'";
    scene.ask(pending).await.remove(0)
}

/// Holds that nobody can request any more, and that the alert says this.
async fn is_refused(scene: &Scene, says: &str) {
    let fixture = &scene.fixture;
    fixture.jit(DAVE, "request db-prod:read 10m look").await;
    fixture.answered(DAVE, "log is damaged").await;
    fixture.audited("`chain_broken`").await;
    let (_, readiness) = fixture.page("/readyz").await;
    assert!(readiness.contains("chain_broken"), "{readiness}");
    fixture.audited(says).await;
}

async fn an_approval_that_nobody_gave_gives_no_access(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let request = asked_again(&scene).await;
    append(&scene, "approved", Some(&request)).await;
    let seq = entries(&scene).await.last().unwrap().seq;
    let config = scene.fixture.config_file().display().to_string();
    let (is_well, said) = scene.audit(&["verify", "--config", &config]).await;
    let named = format!("entry {seq} was not written by this Keylend");
    assert!(!is_well && said.contains(&named), "{said}");
    is_refused(&scene, &named).await;

    // The rows are compared with the log once a minute.
    scene.fixture.advance_minutes(2);
    let contradicted = format!("`contradicted:{request}`");
    scene.fixture.audited(&contradicted).await;
    assert!(!scene.fixture.admitted("alice@example.com", SCOPE).await);
    assert!(!scene.fixture.console.admits("alice"));
}

/// The row is that of a grant, as an earlier one was.
async fn a_grant_that_somebody_appends_gives_no_yes(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let earlier = scene.request().await;
    let snapshot = "SELECT snapshot FROM requests WHERE state = 'active'";
    let snapshot = scene.ask(snapshot).await.remove(0);
    let request = asked_again(&scene).await;
    for kind in ["approved", "activated"] {
        append(&scene, kind, Some(&request)).await;
    }
    let snapshot = snapshot.replace(&earlier, &request).replace('\'', "''");
    scene
        .tamper(&format!(
            "UPDATE requests SET state = 'active', snapshot = '{snapshot}' WHERE id = '{request}'"
        ))
        .await;
    // Checks know everything up to the lock when they answer.
    let lock = "lock lab:use a fire";
    scene.fixture.end(SECURITY, lock).await;
    assert!(!scene.fixture.admitted("alice@example.com", SCOPE).await);
}

/// Nor does the row that they delete.
async fn an_end_that_somebody_appends_keeps_no_access(scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene.fixture.answer(ALICE, "done").await;
    scene.fixture.ended(1).await;
    let again = "request db-prod:write 30m INC-4212 once more";
    scene.fixture.granted(again).await;
    let active = "SELECT id FROM requests WHERE state = 'active'";
    let request = scene.ask(active).await.remove(0);
    append(&scene, "ended", Some(&request)).await;
    scene
        .tamper(&format!(
            "DELETE FROM due WHERE request_id = '{request}';
             DELETE FROM layers WHERE request_id = '{request}';
             DELETE FROM credentials WHERE request_id = '{request}';
             DELETE FROM requests WHERE id = '{request}'"
        ))
        .await;
    scene.fixture.advance_minutes(2);
    scene.until(active, &[&request]).await;
    scene.fixture.advance_minutes(31);
    let console = &scene.fixture.console;
    let is_gone = |_: &slack_sim::Sim| (!console.admits("alice")).then_some(());
    scene.fixture.in_time(is_gone).await;
}

async fn an_entry_that_somebody_appends_lifts_no_lock(scene: Scene) {
    let target: LockTarget = LockTarget::Scope("lab:use".parse().unwrap());
    let fixture = &scene.fixture;
    fixture.end(SECURITY, "lock lab:use a drill").await;
    fixture.answer(SECURITY, "unlock lab:use").await;
    let locked = async |key: &StoreKey| {
        let address: Address = scene.address().parse().unwrap();
        let store = address.open_read_only(Some(key)).await.unwrap();
        let locks = LoggedLocks::default().read(&*store).await.unwrap();
        store.close().await;
        locks.contains_key(&target)
    };
    let (key, other) = (StoreKey::derive(&[0x5e; 32]), StoreKey::derive(&[1; 32]));
    // After the key was replaced, what was unlocked is not locked again.
    assert!(!locked(&key).await && !locked(&other).await);

    fixture.end(SECURITY, "lock lab:use a fire").await;
    scene.tamper("DELETE FROM locks").await;
    append(&scene, "unlocked", None).await;
    assert!(locked(&key).await, "an entry that Keylend did not write");
    is_refused(&scene, "was not written by this Keylend").await;
}

async fn under_another_key_nothing_is_approved_and_everything_ends(mut scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    scene.fixture.stop().await;
    let key = scene.fixture.config_file().with_file_name("key");
    std::fs::write(&key, "6f".repeat(32)).unwrap();
    scene.fixture.boot().await;
    is_refused(&scene, "keylend store rekey").await;
    let fixture = &scene.fixture;
    fixture.end(SECURITY, "lock @alice stolen").await;
    let is_gone = |_: &slack_sim::Sim| (!fixture.console.admits("alice")).then_some(());
    fixture.in_time(is_gone).await;
}
