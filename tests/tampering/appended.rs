//! An entry that somebody appends to the log, with the hash that Keylend would have given it.

use std::time::Duration;

use keylend::store::{Address, RawEntry};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{
    scene::Scene,
    support::fixture::{ALICE, REQUEST, SCOPE},
};

/// How long the service has to find what was appended.
const PATIENCE: Duration = Duration::from_secs(20);

async fn entries(scene: &Scene) -> Vec<RawEntry> {
    let address: Address = scene.address().parse().unwrap();
    let store = address.open_read_only().await.unwrap();
    let entries = store.raw_entries(0, u32::MAX).await.unwrap();
    store.close().await;
    entries
}

/// Appends the approval of an earlier request as one of this request's.
async fn append_approval(scene: &Scene, request: &str) {
    let entries = entries(scene).await;
    let last = entries.last().unwrap();
    let approval = entries.iter().find(|entry| entry.kind == "approved");
    let mut forged = approval.unwrap().clone();
    let earlier = forged.request_id.replace(request.to_owned()).unwrap();
    let body = forged.body.get().replace(&earlier, request);
    forged.body = RawValue::from_string(body).unwrap();
    forged.seq = last.seq + 1;
    forged.at.clone_from(&last.at);
    forged.prev_hash.clone_from(&last.hash);
    let hashed = format!("{}{}", forged.prev_hash, forged.canonical());
    forged.hash = hex::encode(Sha256::digest(hashed));
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    scene
        .tamper(&format!(
            "INSERT INTO events (seq, at, request_id, kind, actor, rules, body, prev_hash, hash,
                                 version, texts)
             VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
            forged.seq,
            quoted(&forged.at),
            quoted(request),
            quoted(&forged.kind),
            quoted(&forged.actor),
            quoted(forged.rules.get()),
            quoted(forged.body.get()),
            quoted(&forged.prev_hash),
            quoted(&forged.hash),
            forged.version,
            quoted(forged.texts.get()),
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "finding 12 of docs/security-review.md"]
async fn an_approval_that_nobody_gave_gives_no_access() {
    let scene = Scene::on_postgres().await;
    scene.fixture.granted(REQUEST).await;
    scene.fixture.answer(ALICE, "done").await;
    scene.fixture.ended(1).await;
    scene
        .fixture
        .asked("request db-prod:write 30m INC-4212 once more")
        .await;
    let pending = "SELECT id FROM requests WHERE state = 'pending'";
    let request = scene.ask(pending).await.remove(0);
    append_approval(&scene, &request).await;
    let (is_well, said) = scene.verify().await;
    // The rows are compared with the log once a minute.
    scene.fixture.advance_minutes(2);
    let state = format!("SELECT state FROM requests WHERE id = '{request}'");
    let is_active = async {
        while scene.ask(&state).await != ["active"] {
            scene.fixture.page("/healthz").await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, is_active).await;
    let admitted = scene.fixture.admitted("alice@example.com", SCOPE).await;
    assert!(
        !admitted && !scene.fixture.console.admits("alice"),
        "access that nobody approved; verify ({is_well}) said: {said}"
    );
}
