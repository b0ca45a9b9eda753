//! What only PostgreSQL promises: several replicas on one store.

use std::{sync::Arc, time::Duration};

use keylend::{
    domain::{BackendName, Lane},
    store::{Address, Ledger as _, OpenError, PostgresStore, Store, WorkClaims as _},
};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use crate::{
    log::verify,
    server::Postgres,
    story::{active, approved, asked, at, commit, is_conflict, is_unavailable, only, withdrawn},
    wire::{Break, Wire},
};

/// The configuration that replicas have, if a story does not say otherwise.
const CONFIGURATION: &str = "the configuration";

/// How long a replica may take to find out what concerns it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A database on a server of the test's own.
pub(crate) struct Database {
    server: Postgres,
}

impl Database {
    /// One with tables.
    pub(crate) async fn new() -> Self {
        let server = Postgres::start().await;
        PostgresStore::migrate(&server.admin_url())
            .await
            .expect("tables");
        Self { server }
    }

    /// A replica with the configuration that all have.
    pub(crate) async fn open(&self) -> PostgresStore {
        self.open_with(CONFIGURATION).await
    }

    async fn open_with(&self, configuration: &str) -> PostgresStore {
        PostgresStore::open(
            &self.server.admin_url(),
            configuration,
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await
        .expect("a store")
    }

    /// A replica behind a wire.
    async fn open_behind(&self, wire: &Wire) -> Arc<dyn keylend::store::Database> {
        let (server, wire) = (self.server.port(), wire.port());
        let url = self.server.admin_url();
        let url = url.replace(&format!(":{server}/"), &format!(":{wire}/"));
        let address: Address = url.parse().unwrap();
        address
            .open(
                CONFIGURATION,
                &keylend::store::StoreKey::derive(&[0x5e; 32]),
            )
            .await
            .expect("a store")
    }

    pub(crate) fn server(&self) -> &Postgres {
        &self.server
    }

    /// Runs a statement of somebody who does not go through Keylend; the server's complaint.
    async fn meddle(&self, statement: &'static str) -> String {
        let mut stranger = PgConnection::connect(&self.server.admin_url())
            .await
            .unwrap();
        let path = "SET search_path = keylend";
        sqlx::raw_sql(path).execute(&mut stranger).await.unwrap();
        let done = sqlx::raw_sql(statement).execute(&mut stranger).await;
        done.expect_err(statement).to_string()
    }

    /// Lets nothing be heard of any replica for longer than the lease.
    async fn silence(&self) {
        self.server
            .execute("UPDATE replicas SET seen = seen - interval '11 seconds'")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_commit_at_once_leave_no_gap_and_one_of_them_wins() {
    let database = Database::new().await;
    let address: Address = database.server.admin_url().parse().unwrap();
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(
            address
                .open(
                    CONFIGURATION,
                    &keylend::store::StoreKey::derive(&[0x5e; 32]),
                )
                .await
                .unwrap(),
        );
    }
    let first = asked("contested", "bob", "db-prod:write", at(0));
    let contested = commit(&*replicas[0], first).await;
    let mut tasks = Vec::new();
    for number in 0..80 {
        let replica = replicas[number % 4].clone();
        let contested = contested.clone();
        tasks.push(tokio::spawn(async move {
            let mine = asked(&format!("{number}"), "alice", "db-prod:write", at(0));
            commit(&*replica, mine).await;
            match replica.commit(only(withdrawn(&contested, at(1)))).await {
                Ok(_) => 1,
                result => {
                    assert!(is_conflict(result));
                    0
                }
            }
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += task.await.unwrap();
    }
    assert_eq!(won, 1);
    assert_eq!(verify(&*replicas[3]).await, 1 + 80 + 1);
    for replica in replicas {
        let mut head = replica.head();
        let heard = head.wait_for(|head| *head == 82);
        timeout(PATIENCE, heard).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_takes_the_claims_of_an_expired_one() {
    let database = Database::new().await;
    let silent = database.open().await;
    let request = commit(&silent, asked("one", "alice", "db-prod:write", at(0))).await;
    let layers = [("pg-prod", "access")];
    let request = commit(&silent, approved(&request, &layers, at(1))).await;
    let lane = Lane::Target(BackendName::new("pg-prod"));
    let (_, work) = silent.claim_due(&lane, at(1), 9).await.unwrap().remove(0);
    let name = silent.claim("slack").await.unwrap().unwrap();

    let other = database.open().await;
    assert!(other.claim_due(&lane, at(1), 9).await.unwrap().is_empty());
    assert!(other.claim("slack").await.unwrap().is_none());

    database.silence().await;
    let other = database.open().await;
    let taken = other.claim_due(&lane, at(1), 9).await.unwrap().remove(0);
    let other_name = other.claim("slack").await.unwrap();
    assert_eq!(taken.0, request.id);
    assert!(other_name.is_some());
    for claim in [&work, &name] {
        timeout(PATIENCE, claim.lost()).await.unwrap();
    }
    // Whoever lost them gives nothing of the other's back.
    drop((work, name));
    assert!(silent.claim_due(&lane, at(1), 9).await.unwrap().is_empty());
    assert!(silent.claim("slack").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_happens_once_and_is_answered() {
    let database = Database::new().await;
    let wire = Wire::to(database.server.port(), Duration::ZERO).await;
    let store = database.open_behind(&wire).await;
    for number in 0..20 {
        wire.break_next(match number % 2 {
            0 => Break::AfterCommit,
            _ => Break::BeforeCommit,
        });
        let request = asked(&format!("{number}"), "alice", "db-prod:write", at(0));
        let id = request.after().id;
        assert_eq!(store.commit(only(request)).await.unwrap(), number + 1);
        assert!(wire.is_broken());
        assert!(store.request(id).await.unwrap().is_some());
    }
    // Many that share a transaction, and one of them that comes too late.
    let late = asked("0", "alice", "db-prod:write", at(0));
    wire.break_next(Break::AfterCommit);
    let mut together = tokio::task::JoinSet::new();
    for number in 20..40 {
        let store = store.clone();
        together.spawn(async move {
            let request = asked(&format!("{number}"), "alice", "db-prod:write", at(0));
            store.commit(only(request)).await.unwrap();
        });
    }
    assert!(is_conflict(store.commit(only(late)).await));
    while let Some(committed) = together.join_next().await {
        committed.unwrap();
    }
    assert!(wire.is_broken());
    assert_eq!(verify(&*store).await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_match_the_log_if_the_server_ends_sessions() {
    let database = Database::new().await;
    let store = Arc::new(database.open().await);
    let committing = async {
        let mut answered = Vec::new();
        for number in 0..300 {
            let request = asked(&format!("{number}"), "alice", "db-prod:write", at(0));
            let id = request.after().id;
            let result = store.commit(only(request)).await;
            let done = result.is_ok();
            assert!(done || is_unavailable(result), "nobody else has the name");
            answered.push((id, done));
        }
        answered
    };
    let ending = async {
        let mut turns = tokio::time::interval(Duration::from_millis(50));
        loop {
            turns.tick().await;
            database
                .server
                .execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE application_name = 'keylend' AND backend_xid IS NOT NULL",
                )
                .await;
        }
    };
    let answered = tokio::select! {
        answered = committing => answered,
        () = ending => unreachable!("it goes on for ever"),
    };
    let log = database.server.log().await;
    let ended = log.matches("terminating connection due to administrator command");
    assert!(ended.count() > 3, "too few sessions were ended");
    let entries = store.entries(0, 1000).await.unwrap();
    for (id, done) in &answered {
        let times = entries.iter().filter(|entry| entry.request_id == Some(*id));
        let times = times.count();
        // What was begun and not answered may have happened, and never twice.
        assert!(times <= 1 && (times == 1 || !done), "{times} and {done}");
    }
    assert!(answered.iter().filter(|(_, done)| *done).count() > 200);
    let whole = verify(&*store).await;
    assert_eq!(whole, u64::try_from(entries.len()).unwrap());
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let database = Database::new().await;
    let url = database.server.admin_url();
    let open = async || {
        let reading = PostgresStore::open_read_only(
            &url,
            Some(&keylend::store::StoreKey::derive(&[0x5e; 32])),
        )
        .await
        .map(drop);
        [
            PostgresStore::open(
                &url,
                CONFIGURATION,
                &keylend::store::StoreKey::derive(&[0x5e; 32]),
            )
            .await
            .map(drop),
            reading,
        ]
    };
    let server = &database.server;
    server
        .execute(
            "INSERT INTO _sqlx_migrations
                 (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', true, '', 0)",
        )
        .await;
    for refused in open().await {
        let refused = refused.unwrap_err();
        let is_later = matches!(refused, OpenError::OtherVersion { found: 9999, .. });
        assert!(is_later, "{refused}");
    }
    let refused = PostgresStore::migrate(&url).await.unwrap_err();
    assert!(matches!(refused, OpenError::OtherVersion { .. }));

    for bare in [
        "DELETE FROM _sqlx_migrations",
        "DROP TABLE _sqlx_migrations",
    ] {
        server.execute(bare).await;
        for refused in open().await {
            let refused = refused.unwrap_err();
            let is_bare = matches!(refused, OpenError::NotMigrated { found: 0, .. });
            assert!(is_bare, "{refused}");
            assert!(refused.to_string().contains("keylend store migrate"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_an_older_version_goes_on_standby_after_a_migration() {
    let database = Database::new().await;
    let store = database.open().await;
    let request = commit(&store, asked("one", "alice", "db-prod:write", at(0))).await;
    database
        .server
        .execute(
            "INSERT INTO _sqlx_migrations
                 (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', true, '', 0)",
        )
        .await;
    let out = async {
        while store.standby_reason().is_none() {
            // A claim is asked for over the connection that finds it out.
            drop(store.claim("anything").await.unwrap());
        }
    };
    timeout(PATIENCE, out).await.unwrap();
    let why = store.standby_reason().unwrap();
    assert!(why.contains("version 9999"), "{why}");
    assert!(is_unavailable(
        store.commit(only(withdrawn(&request, at(1)))).await
    ));
    assert!(store.claim("anything").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_another_configuration_reads_and_writes_nothing() {
    let database = Database::new().await;
    let first = database.open().await;
    let request = commit(&first, asked("one", "alice", "db-prod:write", at(0))).await;
    let other = database.open_with("another configuration").await;
    assert!(other.standby_reason().is_some());
    let read = other.request(request.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&request));
    let late = at(9999);
    assert!(is_unavailable(
        other.commit(only(withdrawn(&request, at(1)))).await
    ));
    assert!(
        other
            .claim_due(&Lane::Clock, late, 9)
            .await
            .unwrap()
            .is_empty()
    );

    first.close().await;
    let joins = async {
        while other.standby_reason().is_some() {
            drop(other.claim("anything").await.unwrap());
        }
    };
    timeout(PATIENCE, joins).await.unwrap();
    commit(&other, withdrawn(&request, at(1))).await;
}

#[tokio::test]
async fn the_log_is_append_only_for_everybody() {
    let database = Database::new().await;
    let store = database.open().await;
    active(&store, "one", "role").await;
    for statement in [
        "UPDATE events SET actor = 'person:U0MALLORY' WHERE seq = 3",
        "UPDATE events SET mac = '' WHERE seq = 3",
        "DELETE FROM events WHERE seq = 5",
        "TRUNCATE events",
        "INSERT INTO events
         SELECT seq, at, request_id, kind, actor, rules, body, prev_hash, hash, version, texts, mac
         FROM events WHERE seq = 3 ON CONFLICT (seq) DO UPDATE SET actor = 'person:U0MALLORY'",
        "INSERT INTO events
         SELECT seq + 7, at, request_id, kind, actor, rules, body, prev_hash, hash, version, texts, mac
         FROM events WHERE seq = 3",
    ] {
        let refused = database.meddle(statement).await;
        assert!(refused.contains("append-only"), "{refused}");
    }
    assert_eq!(verify(&store).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_over_a_slow_way_come_through_a_few_at_a_time() {
    let database = Database::new().await;
    // One commit is a dozen questions: all of these take longer than a caller waits.
    let wire = Wire::to(database.server.port(), Duration::from_millis(10)).await;
    let store = database.open_behind(&wire).await;
    let mut together = tokio::task::JoinSet::new();
    for number in 0..120 {
        let store = store.clone();
        together.spawn(async move {
            let request = asked(&format!("{number}"), "alice", "db-prod:write", at(0));
            let id = request.after().id;
            (id, store.commit(only(request)).await)
        });
    }
    let mut done = 0;
    while let Some(committed) = together.join_next().await {
        let (id, result) = committed.unwrap();
        match result {
            Ok(_) => {
                done += 1;
                assert!(store.request(id).await.unwrap().is_some());
            }
            refused => assert!(is_unavailable(refused)),
        }
    }
    assert!(done > 10, "{done} of 120 were committed");
    verify(&*store).await;
}
