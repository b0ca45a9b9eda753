//! `keylend store`: tables are made, and a whole history moves from one store to the other.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use keylend::store::{
    Address, Document, DocumentWrites, Documents as _, Referring, Store, StoreKey,
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    SqliteFile,
    log::verify,
    postgres::Database,
    server::Postgres,
    story::{active, asked, at, commit, withdrawn},
};

fn keylend(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keylend"))
        .arg("store")
        .args(arguments)
        .output()
        .unwrap()
}

fn copy(from: &str, to: &str) -> Output {
    keylend(&["copy", "--from", from, "--to", to])
}

/// What is wrong, by the program's own words.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn url(file: &SqliteFile) -> String {
    format!("sqlite://{}", file.path().display())
}

/// Changes a file behind Keylend's back.
async fn tamper(file: &SqliteFile, statements: &[&'static str]) {
    let options = SqliteConnectOptions::new().filename(file.path());
    let mut stranger = SqliteConnection::connect_with(&options).await.unwrap();
    for statement in statements {
        sqlx::query(*statement)
            .execute(&mut stranger)
            .await
            .unwrap();
    }
    stranger.close().await.unwrap();
}

/// The log's entries as they were hashed, with their hashes.
async fn entries(url: &str) -> Vec<String> {
    let address: Address = url.parse().unwrap();
    let store = address
        .open_read_only(Some(&StoreKey::derive(&[0x5e; 32])))
        .await
        .unwrap();
    verify(&*store).await;
    let entries = store.raw_entries(0, 1000).await.unwrap();
    store.close().await;
    entries.iter().map(|entry| format!("{entry:?}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_can_be_run_again() {
    let server = Postgres::start().await;
    let url = server.admin_url();
    let address: Address = url.parse().unwrap();
    assert!(
        address
            .open("the configuration", &StoreKey::derive(&[0x5e; 32]))
            .await
            .is_err()
    );
    for _ in 0..2 {
        let made = keylend(&["migrate", "--store", &url]);
        assert!(made.status.success(), "{made:?}");
    }
    let store = address
        .open("the configuration", &StoreKey::derive(&[0x5e; 32]))
        .await
        .unwrap();
    commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_copies_to_postgresql_and_back_without_changes() {
    let (file, back) = (SqliteFile::new(), SqliteFile::new());
    let store = file.open().await;
    let request = active(&store, "one", "role").await;
    let pending = commit(&store, asked("two", "bob", "db-prod:write", at(0))).await;
    store.close().await;
    let server = Postgres::start().await;
    let (from, to) = (url(&file), server.admin_url());

    let copied = copy(&from, &to);
    assert!(copied.status.success(), "{copied:?}");
    let said = String::from_utf8_lossy(&copied.stdout);
    assert!(said.contains("copied and verified: 6 entries"), "{said}");
    let before = entries(&from).await;
    assert_eq!(before.len(), 6);
    assert_eq!(entries(&to).await, before);

    // A replica goes on with it; then it moves back, with what happened meanwhile.
    let address: Address = to.parse().unwrap();
    let store = address
        .open("the configuration", &StoreKey::derive(&[0x5e; 32]))
        .await
        .unwrap();
    let read = store.request(request.id).await.unwrap();
    assert_eq!(read, Some(request));
    let busy = refused(&copy(&to, &url(&back)));
    assert!(busy.contains("stop them first"), "{busy}");
    let withdrawn = commit(&*store, withdrawn(&pending, at(1))).await;
    store.close().await;
    let copied = copy(&to, &url(&back));
    assert!(copied.status.success(), "{copied:?}");
    assert_eq!(entries(&url(&back)).await, entries(&to).await);
    let store = back.open().await;
    let read = store.request(withdrawn.id).await.unwrap();
    assert_eq!(read, Some(withdrawn));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_store_is_rebuilt_from_the_log() {
    let file = SqliteFile::new();
    let store = file.open().await;
    let request = active(&store, "one", "role").await;
    store.close().await;
    let server = Postgres::start().await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("url");
    std::fs::write(&password, server.admin_url()).unwrap();
    let config = folder.path().join("keylend.toml");
    let text = format!(
        "[store]\nurl = {{ file = \"{}\" }}\n[slack]\naudit_channel = \"C0AUDIT\"\n[secrets]\n\
         key = {{ file = \"{}\" }}\n",
        password.display(),
        key_file(folder.path(), "5e").display()
    );
    std::fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let rebuilt = keylend(&["rebuild", "--from", &url(&file), "--config", &config]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let to = server.admin_url();
    assert_eq!(entries(&to).await, entries(&url(&file)).await);
    let checked = keylend(&["check", "--store", &to]);
    assert!(checked.status.success(), "{checked:?}");
    let address: Address = to.parse().unwrap();
    let store = address
        .open("the configuration", &StoreKey::derive(&[0x5e; 32]))
        .await
        .unwrap();
    let read = store.request(request.id).await.unwrap();
    assert_eq!(read, Some(request));
}

/// Puts the trigger back that keeps entries as they are.
const TRIGGER: &str = "CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END";

/// A file with the key of which each byte is these digits.
fn key_file(folder: &Path, byte: &str) -> PathBuf {
    let path = folder.join(byte);
    std::fs::write(&path, byte.repeat(32)).unwrap();
    path
}

/// A configuration of this store under this key.
fn configured(folder: &Path, url: &str, key: &Path) -> String {
    let (place, config) = (folder.join("url"), folder.join("keylend.toml"));
    std::fs::write(&place, url).unwrap();
    let text = format!(
        "[store]\nurl = {{ file = \"{}\" }}\n[secrets]\nkey = {{ file = \"{}\" }}\n",
        place.display(),
        key.display()
    );
    std::fs::write(&config, text).unwrap();
    config.display().to_string()
}

/// What a command that found something wrong says of it.
fn found(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_under_a_new_key_once_its_entries_were_verified_under_the_old_one() {
    let file = SqliteFile::new();
    let store = file.open().await;
    active(&store, "one", "role").await;
    store.move_cursor("audit", 3).await.unwrap();
    let document = Document {
        collection: "cards".to_owned(),
        key: "one".to_owned(),
        version: 0,
        due_at: None,
        is_urgent: false,
        body: "{}".to_owned(),
    };
    let refs = Default::default();
    let add = vec![Referring { document, refs }];
    let writes = DocumentWrites {
        add,
        ..DocumentWrites::default()
    };
    store.write(writes).await.unwrap();
    store.close().await;
    let server = Postgres::start().await;
    done(&copy(&url(&file), &server.admin_url()));
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["5e", "6f"].map(|byte| key_file(folder.path(), byte));
    for url in [url(&file), server.admin_url()] {
        let export = || async {
            let address: Address = url.parse().unwrap();
            let store = address.open_read_only(None).await.unwrap();
            let entries = store.raw_entries(0, 1000).await.unwrap();
            store.close().await;
            entries.iter().map(|entry| entry.line()).collect::<Vec<_>>()
        };
        let before = export().await;
        // A copy keeps the codes.
        let under_old = configured(folder.path(), &url, &old);
        let said = done(&keylend(&["check", "--config", &under_old]));
        assert!(said.contains("authentication codes: valid"), "{said}");

        let config = configured(folder.path(), &url, &new);
        let said = found(&keylend(&["check", "--config", &config]));
        assert!(said.contains("entry 1 was not written"), "{said}");
        let said = found(&keylend(&["rekey", "--config", &config]));
        assert!(said.contains("5 entries: 1 to 5"), "{said}");
        let said = found(&keylend(&["check", "--config", &config]));
        assert!(said.contains("entry 1 was not written"), "{said}");

        let old = old.display().to_string();
        let said = done(&keylend(&["rekey", "--config", &config, "--old-key", &old]));
        assert!(said.contains("5 codes were written"), "{said}");
        let said = done(&keylend(&["check", "--config", &config]));
        assert!(said.contains("authentication codes: valid"), "{said}");
        let said = done(&keylend(&["rekey", "--config", &config]));
        assert!(said.contains("0 codes were written"), "{said}");
        assert_eq!(export().await, before);

        // What followers of the log keep is theirs under the new key, and nobody's under another.
        for (byte, is_theirs) in [(0x6f, true), (0x70, false)] {
            let address: Address = url.parse().unwrap();
            let key = StoreKey::derive(&[byte; 32]);
            let store = address.open("the configuration", &key).await.unwrap();
            let document = store.document("cards", "one").await.unwrap().unwrap();
            assert_eq!(document.body == "{}", is_theirs);
            assert_eq!(store.cursor("audit").await.unwrap() == 3, is_theirs);
            assert_ne!(*store.is_changed().borrow(), is_theirs);
            store.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_no_key_vouches_for_gets_a_code_only_if_somebody_says_so() {
    let file = SqliteFile::new();
    let store = file.open().await;
    active(&store, "one", "role").await;
    store.close().await;
    let replayed = "UPDATE events SET mac = (SELECT mac FROM events WHERE seq = 2) WHERE seq = 3";
    tamper(
        &file,
        &["DROP TRIGGER events_are_not_updated", replayed, TRIGGER],
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["5e", "6f"].map(|byte| key_file(folder.path(), byte));
    let config = configured(folder.path(), &url(&file), &new);
    let old = old.display().to_string();
    let rekey = ["rekey", "--config", &config, "--old-key", &old];
    let said = found(&keylend(&rekey));
    assert!(said.contains("Keylend wrote 1 entry: 3."), "{said}");
    let accepting = [&rekey[..], &["--accept-unverified"]].concat();
    let said = done(&keylend(&accepting));
    assert!(said.contains("accepted 1 entry: 3"), "{said}");
    done(&keylend(&["check", "--config", &config]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_empty_is_not_overwritten() {
    let (file, other) = (SqliteFile::new(), SqliteFile::new());
    for one in [&file, &other] {
        let store = one.open().await;
        active(&store, "one", "role").await;
        store.close().await;
    }
    let database = Database::new().await;
    let store = database.open().await;
    commit(&store, asked("other", "bob", "db-prod:write", at(0))).await;
    store.close().await;
    let server = database.server().admin_url();
    for to in [&server, &url(&other)] {
        let before = entries(to).await;
        let said = refused(&copy(&url(&file), to));
        assert!(said.contains("is not empty"), "{said}");
        assert_eq!(entries(to).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_column_that_would_not_be_copied_is_not_copied() {
    let file = SqliteFile::new();
    let store = file.open().await;
    active(&store, "one", "role").await;
    store.close().await;
    tamper(&file, &["ALTER TABLE layers ADD COLUMN receipt TEXT"]).await;
    let to = SqliteFile::new();
    let said = refused(&copy(&url(&file), &url(&to)));
    assert!(said.contains("`layers` has a column `receipt`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_store_is_not_copied() {
    let file = SqliteFile::new();
    let store = file.open().await;
    active(&store, "one", "role").await;
    store.close().await;
    let statements = [
        "DROP TRIGGER events_are_not_updated",
        "UPDATE events SET actor = 'person:U0MALLORY' WHERE seq = 2",
    ];
    tamper(&file, &statements).await;
    let database = Database::new().await;
    let server = database.server().admin_url();
    let said = refused(&copy(&url(&file), &server));
    assert!(said.contains("is broken"), "{said}");
    assert!(entries(&server).await.is_empty());
}
