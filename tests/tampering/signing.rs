//! A log that somebody seals again from its first entry on. The chain cannot tell; the checkpoints that
//! Keylend signed and posted before can.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use keylend::store::{Address, GENESIS, StoreKey};
use sha2::{Digest, Sha256};
use slack_sim::{Fault, Message};

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{AUDIT, BOB, REQUEST, SECURITY},
};

on_both!(
    what_is_in_the_log_is_signed_within_an_hour,
    every_hundredth_entry_is_signed_at_once,
    a_log_that_was_sealed_again_is_found_and_not_signed,
    a_log_that_was_cut_off_is_found,
);

/// Starts the service again with a key that signs, and a file for what it signs. The log has one entry
/// then.
pub async fn sign(scene: &mut Scene) {
    let fixture = &mut scene.fixture;
    fs::write(file(fixture.config_file(), "log_key"), "1f".repeat(32)).unwrap();
    fixture.stop().await;
    let folder = fixture.config_file().parent().unwrap().to_owned();
    fixture.reconfigure(|config| {
        let log = "[log]
origin = \"keylend.example.com/log\"
signing_key = { file = \"DIR/log_key\" }
checkpoint_file = \"DIR/checkpoints\"
";
        let log = log.replace("DIR", &folder.display().to_string());
        format!("{log}{config}")
    });
    fixture.boot().await;
    // The first entry, before those of a test: who can approve.
    while scene.ask("SELECT kind FROM events").await.is_empty() {
        scene.fixture.clock.advance(Duration::from_secs(1));
        scene.fixture.page("/healthz").await;
    }
}

fn file(config: PathBuf, name: &str) -> PathBuf {
    config.with_file_name(name)
}

/// The file with what was signed.
fn signed(scene: &Scene) -> PathBuf {
    file(scene.fixture.config_file(), "checkpoints")
}

/// The messages with checkpoints.
pub fn posted(scene: &Scene) -> Vec<Message> {
    let messages = scene.fixture.sim.messages(AUDIT).into_iter();
    messages
        .filter(|message| message.says("Signed checkpoint"))
        .collect()
}

/// Waits until so many checkpoints are posted, and answers the last as it stands in its message.
async fn until_posted(scene: &Scene, count: usize) -> String {
    let all = scene.fixture.in_time(|_| {
        let all = posted(scene);
        (all.len() >= count).then_some(all)
    });
    let all = all.await;
    assert_eq!(all.len(), count);
    let text = all[count - 1].all_text();
    let (_, note) = text.split_once("```\n").unwrap();
    note.split_once("```").unwrap().0.to_owned()
}

/// How many entries a checkpoint covers.
fn size(note: &str) -> usize {
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// What `keylend audit verify` says of the store against checkpoints in these files, and whether all is
/// well.
async fn verify(scene: &Scene, files: &[&Path]) -> (bool, String) {
    let config = scene.fixture.config_file().display().to_string();
    let (_, key) = scene.audit(&["key", "--config", &config]).await;
    let mut args = vec!["verify", "--key", key.trim_end()];
    for file in files {
        args.extend(["--checkpoint", file.to_str().unwrap()]);
    }
    let address = scene.address();
    args.extend(["--store", &address]);
    scene.audit(&args).await
}

/// Changes who the first entry is by, and seals the log again as Keylend would have, under its key. Removes
/// what the store knows of the log before.
async fn seal_again(scene: &Scene) {
    let address: Address = scene.address().parse().unwrap();
    let key = StoreKey::derive(&[0x5e; 32]);
    let store = address.open_read_only(None).await.unwrap();
    let entries = store.raw_entries(0, u32::MAX).await.unwrap();
    store.close().await;
    let mut before = GENESIS.to_owned();
    let mut sql = String::new();
    for mut entry in entries {
        if entry.seq == 1 {
            entry.actor = format!("person:{BOB}");
        }
        let hash = hex::encode(Sha256::digest(format!("{before}{}", entry.canonical())));
        entry.hash.clone_from(&hash);
        let (seq, actor, code) = (entry.seq, &entry.actor, key.code(&entry));
        writeln!(
            sql,
            "UPDATE events SET actor = '{actor}', prev_hash = '{before}', hash = '{hash}',
                 mac = '{code}'
             WHERE seq = {seq};"
        )
        .unwrap();
        before = hash;
    }
    sql.push_str("DELETE FROM kept_people; DELETE FROM cursors WHERE name = 'checkpoints';");
    scene.tamper_with_the_log(&sql).await;
}

/// Writes two entries to the log.
async fn lock_and_unlock(scene: &Scene, reason: &str) {
    let lock = format!("lock lab:use {reason}");
    scene.fixture.end(SECURITY, &lock).await;
    scene.fixture.answer(SECURITY, "unlock lab:use").await;
}

async fn what_is_in_the_log_is_signed_within_an_hour(mut scene: Scene) {
    sign(&mut scene).await;
    lock_and_unlock(&scene, "a drill").await;
    scene.fixture.advance_minutes(50);
    scene.fixture.end(SECURITY, "lock lab:use a fire").await;
    scene.fixture.audited("a fire").await;
    assert!(posted(&scene).is_empty() && !signed(&scene).exists());

    scene.fixture.advance_minutes(10);
    let first = until_posted(&scene, 1).await;
    assert_eq!(size(&first), 4);
    assert_eq!(fs::read_to_string(signed(&scene)).unwrap(), first);
    let mode = fs::metadata(signed(&scene)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    assert!(
        is_well && said.ends_with("\nmatches the checkpoint of 4 entries\n"),
        "{said}"
    );

    // While nothing happens, nothing is signed.
    scene.fixture.advance_minutes(200);
    scene.fixture.answer(SECURITY, "unlock lab:use").await;
    scene.fixture.advance_minutes(61);
    let second = until_posted(&scene, 2).await;
    assert_eq!(size(&second), 5);
    let filed = fs::read_to_string(signed(&scene)).unwrap();
    assert_eq!(filed, format!("{first}\n{second}"));
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    assert!(is_well && said.contains("matches 2 checkpoints"), "{said}");

    // What stands in the channel is evidence of its own.
    let pasted = file(scene.fixture.config_file(), "pasted");
    fs::write(&pasted, second.trim_end()).unwrap();
    let (is_well, said) = verify(&scene, &[&pasted]).await;
    assert!(is_well, "{said}");
}

async fn every_hundredth_entry_is_signed_at_once(mut scene: Scene) {
    sign(&mut scene).await;
    for round in 0..49 {
        lock_and_unlock(&scene, &format!("drill {round}")).await;
    }
    assert_eq!(scene.kinds().await.len(), 98);
    assert!(posted(&scene).is_empty());
    scene.fixture.end(SECURITY, "lock lab:use the last").await;
    assert_eq!(size(&until_posted(&scene, 1).await), 100);
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    assert!(is_well, "{said}");
}

async fn a_log_that_was_sealed_again_is_found_and_not_signed(mut scene: Scene) {
    sign(&mut scene).await;
    lock_and_unlock(&scene, "a drill").await;
    scene.fixture.advance_minutes(61);
    until_posted(&scene, 1).await;
    scene.fixture.stop().await;
    seal_again(&scene).await;

    // The chain is whole, and the tables are as it says.
    scene.is_well().await;
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    let expected = "the log is broken: entries 1 to 3 are not those ";
    assert!(!is_well && said.starts_with(expected), "{said}");

    // The machine's file tells the service too.
    scene.fixture.boot().await;
    scene.fixture.audited("log_not_signed").await;
    let (_, readiness) = scene.fixture.page("/readyz").await;
    assert!(readiness.contains("log_not_signed"), "{readiness}");
    assert_eq!(posted(&scene).len(), 1);

    // Without it, the other log is signed: a fork, which both files show.
    scene.fixture.stop().await;
    let before = file(scene.fixture.config_file(), "before");
    fs::rename(signed(&scene), &before).unwrap();
    scene.fixture.boot().await;
    assert_eq!(size(&until_posted(&scene, 2).await), 3);
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    assert!(is_well, "{said}");
    let (is_well, said) = verify(&scene, &[&before, &signed(&scene)]).await;
    let expected = "two different versions of entries 1 to 3 were signed";
    assert!(!is_well && said.contains(expected), "{said}");
}

async fn a_log_that_was_cut_off_is_found(mut scene: Scene) {
    sign(&mut scene).await;
    lock_and_unlock(&scene, "a drill").await;
    lock_and_unlock(&scene, "a fire").await;
    scene.fixture.advance_minutes(61);
    until_posted(&scene, 1).await;
    scene.fixture.stop().await;
    scene.cut_off_the_log(3).await;
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    let expected = "the log is broken: entries 4 to 5 are missing: the log ends with entry 3, and a \
                    checkpoint of 5 entries was signed.\n";
    assert!(!is_well && said.starts_with(expected), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_dies_goes_on_signing_where_it_was() {
    let mut scene = Scene::on_sqlite().await;
    sign(&mut scene).await;
    scene.fixture.granted(REQUEST).await;
    let fault = Fault::Status(500);
    scene
        .fixture
        .sim
        .fault("chat.postMessage", fault, usize::MAX);
    scene.fixture.advance_minutes(61);
    while !signed(&scene).exists() {
        scene.fixture.page("/healthz").await;
    }
    // Signed and not posted: it is signed again, of what there is by now.
    scene.fixture.crash().await;
    scene.fixture.sim.heal();
    scene.fixture.boot().await;
    let first = until_posted(&scene, 1).await;
    let position = "SELECT seq || '' FROM cursors WHERE name = 'checkpoints'";
    scene.until(position, &[&size(&first).to_string()]).await;

    // Posted: nothing is said again.
    scene.fixture.crash().await;
    scene.fixture.boot().await;
    scene.fixture.end(SECURITY, "lock lab:use a fire").await;
    scene.fixture.advance_minutes(61);
    let second = until_posted(&scene, 2).await;
    assert!(size(&second) > size(&first));
    let (is_well, said) = verify(&scene, &[&signed(&scene)]).await;
    assert!(is_well && said.contains("matches 3 checkpoints"), "{said}");

    // A write that a crash broke off spoils no other.
    let torn = fs::read_to_string(signed(&scene)).unwrap() + "\nkeylend.example.com/log\n12";
    fs::write(signed(&scene), &torn).unwrap();
    scene.fixture.answer(SECURITY, "unlock lab:use").await;
    scene.fixture.advance_minutes(61);
    let third = until_posted(&scene, 3).await;
    let filed = fs::read_to_string(signed(&scene)).unwrap();
    assert_eq!(filed, format!("{torn}\n\n{third}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_replicas_signs() {
    let mut scene = Scene::on_postgres().await;
    sign(&mut scene).await;
    scene.fixture.join().await;
    for round in 1..=3 {
        let lock = format!("lock lab:use drill {round}");
        scene.fixture.end(SECURITY, &lock).await;
        scene.fixture.advance_minutes(61);
        until_posted(&scene, round).await;
        scene.fixture.answer(SECURITY, "unlock lab:use").await;
    }
    let filed = fs::read_to_string(signed(&scene)).unwrap();
    assert_eq!(filed.matches("— keylend.example.com/log ").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_signed() {
    let scene = Scene::on_sqlite().await;
    scene.fixture.granted(REQUEST).await;
    scene.fixture.advance_minutes(200);
    scene.fixture.ended(1).await;
    scene.fixture.end(SECURITY, "lock lab:use a fire").await;
    scene.fixture.audited("a fire").await;
    assert!(posted(&scene).is_empty());
}
