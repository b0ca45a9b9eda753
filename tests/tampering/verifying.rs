//! What `keylend audit verify` finds in tables that somebody changed.

use std::{path::Path, process::Command, time::Duration};

use keylend::{
    audit::{log::Fault, tables::verify_store, verify::Known},
    store::{Address, SqliteStore, Store as _},
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    history::write_history,
    on_both,
    scene::Scene,
    support::fixture::{ALICE, APPROVALS, DAVE, Has as _, REQUEST},
    support::postgres::Postgres,
};

on_both!(
    every_change_to_a_table_is_named,
    a_service_that_is_busy_has_nothing_wrong_with_it,
    a_person_who_changes_their_address_has_nothing_wrong_with_them,
);

async fn every_change_to_a_table_is_named(scene: Scene) {
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    let id = &scene.request().await;
    fixture.end("U0SEC", "lock lab:use a fire").await;
    // The feeds have told what there is, and write no more.
    let head = scene.kinds().await.len().to_string();
    let behind =
        format!("SELECT count(*) || '' FROM cursors WHERE name <> 'homes' AND seq < {head}");
    scene.until(&behind, &["0"]).await;
    scene.is_well().await;

    let keep = |table: &str| format!("CREATE TABLE kept AS SELECT * FROM {table}");
    for (table, change, words) in [
        (
            "locks",
            "DELETE FROM locks",
            vec!["locks", "lab:use", "the row is missing"],
        ),
        (
            "locks",
            "UPDATE locks SET set_at = set_at + 1",
            vec!["locks", "lab:use", "set_at"],
        ),
        (
            "locks",
            "UPDATE locks SET lock = replace(lock, 'a fire', 'a drill')",
            vec!["locks", "lock.reason a fire", "lock.reason a drill"],
        ),
        (
            "locks",
            "INSERT INTO locks SELECT '\"everything\"', set_at, lock FROM locks",
            vec!["locks", "everything", "the log says nothing"],
        ),
        (
            "layers",
            "DELETE FROM layers",
            vec!["layers", id, "the row is missing"],
        ),
        (
            "layers",
            "UPDATE layers SET managed = 0",
            vec!["layers", id, "managed 1", "managed 0"],
        ),
        (
            "layers",
            "UPDATE layers SET layer = 1",
            vec!["layers", id, "the log says nothing"],
        ),
        (
            "due",
            "DELETE FROM due",
            vec!["due", id, "the row is missing"],
        ),
        (
            "due",
            "UPDATE due SET due_at = due_at + 60000",
            vec!["due", id, "due_at"],
        ),
        (
            "cursors",
            "UPDATE cursors SET seq = 1000 WHERE name = 'audit'",
            vec!["cursors", "audit", "1000"],
        ),
        (
            "requests",
            "UPDATE requests SET open = 0",
            vec!["requests", id, "open 1", "open 0"],
        ),
        (
            "requests",
            "UPDATE requests SET version = 1",
            vec!["requests", id, "version"],
        ),
        (
            "requests",
            "UPDATE requests SET requester = 'U0DAVE'",
            vec!["requests", id, "U0ALICE", "U0DAVE"],
        ),
        (
            "requests",
            "UPDATE requests SET scope = 'lab:use'",
            vec!["requests", id, "db-prod:write"],
        ),
        (
            "requests",
            "UPDATE requests SET asked_at = 1",
            vec!["requests", id, "asked_at"],
        ),
        (
            "requests",
            "UPDATE requests SET failures = 1",
            vec!["requests", id, "failures"],
        ),
        (
            "requests",
            "UPDATE requests SET last_seq = 1",
            vec!["requests", id, "last_seq"],
        ),
        (
            "requests",
            "UPDATE requests SET awaits = 1",
            vec!["requests", id, "awaits"],
        ),
        (
            "requests",
            "UPDATE requests SET state = 'ended'",
            vec!["requests", id, "state"],
        ),
        (
            "requests",
            "UPDATE requests SET snapshot = '{}'",
            vec!["requests", id, "snapshot.username alice"],
        ),
        (
            "requests",
            "UPDATE requests SET snapshot = replace(snapshot, 'app_writer', 'owner')",
            vec!["requests", id, "snapshot.layers"],
        ),
        (
            "requests",
            "INSERT INTO requests
                 SELECT 'aaaaaaaaaaaa', version, requester, scope, state, open, asked_at, failures,
                     last_seq, snapshot, awaits FROM requests",
            vec!["requests", "aaaaaaaaaaaa", "the log says nothing"],
        ),
    ] {
        // One after the other on one store: each is undone.
        scene.tamper(&format!("{}; {change}", keep(table))).await;
        scene.is_named(&words).await;
        if table == "requests" {
            let columns = "version, requester, scope, state, open, asked_at, failures, last_seq, \
                           snapshot, awaits";
            let back = columns
                .split(", ")
                .map(|column| format!("{column} = (SELECT kept.{column} FROM kept)"));
            let back = back.collect::<Vec<_>>().join(", ");
            scene
                .tamper(&format!(
                    "DELETE FROM requests WHERE id = 'aaaaaaaaaaaa';
                     UPDATE requests SET {back}; DROP TABLE kept"
                ))
                .await;
        } else {
            scene
                .tamper(&format!(
                    "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"
                ))
                .await;
        }
        scene.is_well().await;
    }
}

async fn a_service_that_is_busy_has_nothing_wrong_with_it(scene: Scene) {
    let fixture = &scene.fixture;
    let busy = async {
        for round in 0..12 {
            for (person, scope) in [(ALICE, "db-prod:read"), (DAVE, "lab:use")] {
                let words = format!("{person} in round {round}.");
                let line = format!("request {scope} 10m {words}");
                fixture.jit(person, &line).await;
                let card = fixture.in_time(|sim| {
                    let mut cards = sim.messages(APPROVALS).into_iter();
                    cards.find(|card| card.says(&words) && card.has("approve"))
                });
                fixture.bob().click(&card.await, "approve").await;
            }
            fixture.advance_minutes(11);
        }
    };
    let looking = async {
        // An empty log is not verified.
        while scene.kinds().await.is_empty() {
            fixture.page("/healthz").await;
        }
        loop {
            scene.is_well().await;
            fixture.page("/healthz").await;
        }
    };
    tokio::select! {
        () = busy => {}
        () = looking => {}
    }
    let entries = scene.kinds().await.len();
    assert!(entries > 100, "{entries} entries");
    scene.is_well().await;
}

async fn a_person_who_changes_their_address_has_nothing_wrong_with_them(scene: Scene) {
    let fixture = &scene.fixture;
    let grant = fixture.granted(REQUEST).await;
    fixture.sim.update_person(ALICE, |alice| {
        alice.email = "alice.l@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    fixture.jit(ALICE, "extend 15m").await;
    let card = fixture.in_time(|sim| {
        let mut cards = sim.messages(APPROVALS).into_iter();
        cards.find(|card| card.has("approve"))
    });
    let card = card.await;
    scene.is_well().await;
    fixture.bob().click(&card, "approve").await;
    scene
        .until(
            "SELECT kind FROM events WHERE kind = 'extended'",
            &["extended"],
        )
        .await;
    scene.is_well().await;
    fixture.alice().click(&grant, "done").await;
    scene.until("SELECT state FROM requests", &["ended"]).await;
    scene.is_well().await;
}

/// The most memory that the program had while it verified a store, in KiB.
fn peak(path: &Path) -> u64 {
    const MEASURE: &str = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let url = format!("sqlite://{}", path.display());
    let program = env!("CARGO_BIN_EXE_keylend");
    let measured = Command::new("python3")
        .args(["-c", MEASURE, program, "audit", "verify", "--store", &url])
        .output();
    let measured = measured.expect("Python is not installed: run ./test.sh, which installs Python");
    assert!(measured.status.success(), "{measured:?}");
    let text = String::from_utf8(measured.stdout).unwrap();
    text.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let [small, large] = ["small.db", "large.db"].map(|name| folder.path().join(name));
    let reason = "writes are failing, and nobody knows why ".repeat(20);
    for (path, requests) in [(&small, 3_000), (&large, 12_000)] {
        let store = SqliteStore::open(path, &keylend::store::StoreKey::derive(&[0x5e; 32]))
            .await
            .unwrap();
        write_history(&store, requests, &reason).await;
        store.close().await;
    }
    let (small, large) = (peak(&small), peak(&large));
    // All of the larger history would be some 30 MiB more.
    assert!(large < small + 8 * 1024, "{small} KiB, then {large} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stops_answering_is_not_taken_for_a_broken_log() {
    let server = Postgres::start().await;
    let address: Address = server.admin_url().parse().unwrap();
    address.migrate().await.unwrap();
    let view = address
        .view(Some(&keylend::store::StoreKey::derive(&[0x5e; 32])))
        .await
        .unwrap();
    let mut other = PgConnection::connect(&server.admin_url()).await.unwrap();
    let ended: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    )
    .fetch_all(&mut other)
    .await
    .unwrap();
    assert!(!ended.is_empty() && ended.iter().all(|ended| *ended));

    let fault = verify_store(view, Known::default(), &mut |_| {}).await;
    let fault = fault.unwrap_err();
    assert!(matches!(fault, Fault::NoAnswer { seq: 1, .. }), "{fault}");
    assert!(fault.is_lack_of_evidence());
}
