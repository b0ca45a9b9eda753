//! What SQLite's file holds to, beyond the contract.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command, sync::Arc};

use keylend::store::{Chain, Commit, Documents as _, Ledger, OpenError, SqliteStore, Store};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    SqliteFile,
    story::{active, asked, at, commit, done, is_unavailable, only, revoked, withdrawn},
    work::sealed,
};

/// A connection of somebody who does not go through Keylend.
async fn stranger(file: &SqliteFile) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file.path());
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Runs a statement of somebody who does not go through Keylend.
async fn meddle(file: &SqliteFile, statement: &'static str) -> Result<(), String> {
    let mut connection = stranger(file).await;
    let done = sqlx::query(statement).execute(&mut connection).await;
    connection.close().await.unwrap();
    done.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn only_its_owner_can_read_the_store() {
    let file = SqliteFile::new();
    let store = file.open().await;
    commit(&store, asked("one", "alice", "db-prod:write", at(0))).await;
    let mut names = Vec::new();
    for entry in fs::read_dir(file.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let expected = [
        "keylend.db",
        "keylend.db-shm",
        "keylend.db-wal",
        "keylend.db.lock",
        "keylend.db.reserve",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn files_that_other_accounts_could_open_are_made_private() {
    let file = SqliteFile::new();
    let store = file.open().await;
    commit(&store, asked("one", "alice", "db-prod:write", at(0))).await;
    // As a crash leaves them: the files beside it are there.
    let files = |file: &SqliteFile| -> Vec<PathBuf> {
        let entries = fs::read_dir(file.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let crashed = SqliteFile::new();
    for from in files(&file) {
        let to = crashed.folder.path().join(from.file_name().unwrap());
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o666)).unwrap();
    }
    assert_eq!(files(&crashed).len(), 5);
    let reopened = crashed.open().await;
    commit(&reopened, asked("two", "bob", "db-prod:write", at(1))).await;
    for path in files(&crashed) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_file_serves_one_service_at_a_time_and_forgets_nothing() {
    let file = SqliteFile::new();
    let store = file.open().await;
    let request = active(&store, "one", "role").await;
    let refused = SqliteStore::open(&file.path(), &keylend::store::StoreKey::derive(&[0x5e; 32]))
        .await
        .unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");

    store.close().await;
    assert!(is_unavailable(
        store.commit(only(done(&request, at(9)))).await
    ));
    assert!(store.request(request.id).await.is_err());

    let store = file.open().await;
    assert_eq!(*store.head().borrow(), 5);
    let read = store.request(request.id).await.unwrap();
    assert_eq!(read, Some(request.clone()));
    commit(&store, done(&request, at(9))).await;
    assert_eq!(verified(&store).await, 6);
}

/// The number of entries, all of which are what they were.
async fn verified(store: &dyn Ledger) -> u64 {
    let mut chain = Chain::default();
    for entry in store.raw_entries(0, 1_000).await.unwrap() {
        chain.check(&entry).unwrap();
    }
    chain.seq()
}

#[tokio::test]
async fn readers_continue_while_the_service_writes() {
    let file = SqliteFile::new();
    assert!(
        SqliteStore::open_read_only(
            &file.path(),
            Some(&keylend::store::StoreKey::derive(&[0x5e; 32]))
        )
        .await
        .is_err()
    );
    let store = file.open().await;
    let request = commit(&store, asked("one", "alice", "db-prod:write", at(0))).await;
    let reader = SqliteStore::open_read_only(
        &file.path(),
        Some(&keylend::store::StoreKey::derive(&[0x5e; 32])),
    )
    .await
    .unwrap();
    assert_eq!(*reader.head().borrow(), 1);
    let request = commit(&store, withdrawn(&request, at(1))).await;
    assert_eq!(reader.request(request.id).await.unwrap(), Some(request));
    assert_eq!(verified(&reader).await, 2);
    let refused = asked("two", "alice", "db-prod:write", at(0));
    assert!(is_unavailable(reader.commit(only(refused)).await));
    assert!(reader.move_cursor("audit", 1).await.is_err());
}

#[tokio::test]
async fn the_log_is_append_only_for_everybody() {
    let file = SqliteFile::new();
    let store = file.open().await;
    active(&store, "one", "role").await;
    for statement in [
        "UPDATE events SET actor = 'person:U0MALLORY' WHERE seq = 3",
        "UPDATE events SET mac = '' WHERE seq = 3",
        "DELETE FROM events WHERE seq = 5",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 3",
        "INSERT INTO events SELECT seq + 7, at, request_id, kind, actor, rules, body, prev_hash, hash, version, texts, mac
         FROM events WHERE seq = 3",
    ] {
        let refused = meddle(&file, statement).await.unwrap_err();
        assert!(refused.contains("append-only"), "{refused}");
    }
    assert_eq!(verified(&store).await, 5);
}

#[tokio::test]
async fn a_forged_entry_is_found() {
    let file = SqliteFile::new();
    let store = file.open().await;
    active(&store, "one", "role").await;
    for statement in [
        "DROP TRIGGER events_are_not_updated",
        "UPDATE events SET actor = 'person:U0MALLORY' WHERE seq = 2",
    ] {
        meddle(&file, statement).await.unwrap();
    }
    let mut chain = Chain::default();
    let entries = store.raw_entries(0, 100).await.unwrap();
    let broken = entries.iter().find_map(|entry| chain.check(entry).err());
    assert_eq!(broken.map(|broken| broken.seq), Some(2));
}

#[tokio::test]
async fn tables_of_a_later_version_are_refused() {
    let file = SqliteFile::new();
    file.open().await.close().await;
    meddle(
        &file,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', 1, x'00', 0)",
    )
    .await
    .unwrap();
    for refused in [
        SqliteStore::open(&file.path(), &keylend::store::StoreKey::derive(&[0x5e; 32])).await,
        SqliteStore::open_read_only(
            &file.path(),
            Some(&keylend::store::StoreKey::derive(&[0x5e; 32])),
        )
        .await,
    ] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, OpenError::OtherVersion { found: 9999, .. }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn an_erased_credential_is_nowhere_in_the_files() {
    let file = SqliteFile::new();
    let store = file.open().await;
    let request = active(&store, "one", "role").await;
    let credential = sealed(request.id);
    let secret = credential.sealed.clone();
    let in_files = || {
        fs::read_dir(file.folder.path()).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(secret.len()).any(|window| window == secret)
        })
    };
    let keep = Commit {
        credentials: vec![credential],
        ..Commit::default()
    };
    store.commit(keep).await.unwrap();
    assert!(in_files());
    let request = commit(&store, done(&request, at(10))).await;
    commit(&store, revoked(&request, 0, at(11))).await;
    // The write-ahead log is cut behind the commit; the next write comes after that.
    store.move_cursor("audit", 1).await.unwrap();
    assert!(!in_files());
}

#[tokio::test]
async fn one_failed_write_does_not_affect_the_others() {
    let file = SqliteFile::new();
    let store = Arc::new(file.open().await);
    meddle(
        &file,
        "CREATE TRIGGER fault BEFORE INSERT ON requests WHEN NEW.requester = 'U0BOB'
         BEGIN SELECT RAISE(ABORT, 'a fault'); END",
    )
    .await
    .unwrap();
    let mut tasks = Vec::new();
    for number in 0..30 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let who = if number % 3 == 0 { "bob" } else { "alice" };
            let ask = asked(&format!("{number}"), who, "db-prod:write", at(number));
            (who, store.commit(only(ask)).await)
        }));
    }
    for task in tasks {
        match task.await.unwrap() {
            ("bob", result) => assert!(is_unavailable(result)),
            (_, result) => drop(result.unwrap()),
        }
    }
    assert_eq!(verified(&*store).await, 20);
    meddle(&file, "DROP TRIGGER fault").await.unwrap();
    commit(&*store, asked("again", "bob", "db-prod:write", at(99))).await;
    assert_eq!(verified(&*store).await, 21);
}

/// The limit holds for the whole process, so the test runs in one of its own.
#[tokio::test]
async fn a_full_disk_refuses_commits_until_space_is_free() {
    const ALONE: &str = "KEYLEND_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "sqlite::a_full_disk_refuses_commits_until_space_is_free";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(said.contains("1 passed"), "{said}");
    } else {
        a_full_disk_refuses_commits().await;
    }
}

async fn a_full_disk_refuses_commits() {
    // Without a handler the signal that comes with the limit ends the process.
    let xfsz = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    let _handled = tokio::signal::unix::signal(xfsz).unwrap();
    let file = SqliteFile::new();
    let store = file.open().await;
    let mut number = 0;
    let mut next = || {
        number += 1;
        asked(&format!("{number}"), "alice", "db-prod:write", at(number))
    };
    commit(&store, next()).await;

    let journal = file.folder.path().join("keylend.db-wal");
    largest_file(Some(fs::metadata(journal).unwrap().len() + 100));
    let refused = next();
    let id = refused.after().id;
    assert!(is_unavailable(store.commit(only(refused)).await));
    assert!(is_unavailable(store.commit(only(next())).await));
    assert_eq!(store.request(id).await.unwrap(), None);
    assert_eq!((verified(&store).await, *store.head().borrow()), (1, 1));

    largest_file(None);
    commit(&store, next()).await;
    assert_eq!((verified(&store).await, *store.head().borrow()), (2, 2));
    store.close().await;
    assert_eq!(verified(&file.open().await).await, 2);
}

/// Sets how large a file may become, in bytes; nothing lifts it.
fn largest_file(current: Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = current.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
}
