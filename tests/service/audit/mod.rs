//! What the log proves, through `keylend audit`, on the real store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checkpoints;
mod evidence;
mod golden;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use keylend::{
    cli::Audit,
    clock::Clock as _,
    domain::{
        Actor, Command, EndCause, GroupListedIn, GroupName, GroupRead, Parties, RuleId, UserId,
    },
    store::{SqliteStore, Store as _},
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::{story::Story, support::clock::TestClock};

/// A store on disk, closed, whose log tells of two people and overlapping grants:
///
/// - Alice holds db-prod:write from 09:00 to 09:30, ended by nothing but time,
/// - and again from 09:10, revoked at 09:20;
/// - Bob holds db-prod:write from 09:15, and is done at 09:25;
/// - Bob holds k8s-prod:admin from 09:15 to 10:15, of which the log does not tell the end.
struct Told {
    folder: tempfile::TempDir,
}

impl Told {
    async fn with_reason(reason: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(
            &folder.path().join("keylend.db"),
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        let store = Arc::new(store.unwrap());
        let story = Story {
            store: store.clone(),
            clock: TestClock::at("2026-11-21T09:00:00Z"),
        };
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);

        let mut first = story.ask("alice", "db-prod:write", 30, reason).await;
        let parties = Parties {
            groups: vec![GroupRead {
                group: GroupName::new("dba"),
                source: GroupListedIn::SlackUsergroup("S0DBA".to_owned()),
                read_at: story.clock.now(),
            }],
            ..Parties::default()
        };
        story.grant_among(&mut first, "U0BOB", parties).await;
        story.clock.advance(minutes(10));
        let mut second = story.ask("alice", "db-prod:write", 60, "once more").await;
        story.grant(&mut second, "U0CAROL").await;
        story.clock.advance(minutes(5));
        let mut bobs = story.ask("bob", "db-prod:write", 30, "to watch").await;
        story.grant(&mut bobs, "U0CAROL").await;
        let mut admin = story.ask("bob", "k8s-prod:admin", 60, "pods").await;
        story.grant(&mut admin, "U0CAROL").await;
        story.clock.advance(minutes(5));
        let revoke = Command::End {
            by: Actor::Person(UserId::new("U0CAROL")),
            rules: vec![RuleId::new("approver-group")],
            cause: EndCause::Revoked {
                reason: "incident closed".to_owned(),
            },
        };
        story.tell(&mut second, revoke).await;
        story.gone(&mut second).await;
        story.clock.advance(minutes(5));
        story.done(&mut bobs).await;
        story.gone(&mut bobs).await;
        // The sweeper comes three minutes late.
        story.clock.advance(minutes(8));
        story.tell(&mut first, Command::Expire).await;
        story.gone(&mut first).await;
        store.close().await;
        // All of it into the one file that is copied.
        let url = format!("sqlite://{}", folder.path().join("keylend.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let checkpoint = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)");
        checkpoint.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Self { folder }
    }

    async fn new() -> Self {
        Self::with_reason("writes fail").await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of the store in which somebody with write access to the file ran `sql`.
    async fn tampered(&self, sql: &str) -> String {
        // A file of its own each time: what SQLite keeps beside one must not be another's.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let copy = self.file(&format!(
            "tampered-{}.db",
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        fs::copy(self.file("keylend.db"), &copy).unwrap();
        let url = format!("sqlite://{}", copy.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        for trigger in [
            "events_are_not_updated",
            "events_are_not_deleted",
            "events_follow_each_other",
        ] {
            let drop = format!("DROP TRIGGER {trigger}");
            let drop = sqlx::query(AssertSqlSafe(drop)).execute(&mut connection);
            drop.await.unwrap();
        }
        let tamper = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = tamper.execute(&mut connection).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
        connection.close().await.unwrap();
        url
    }

    fn store(&self) -> String {
        format!("sqlite://{}", self.file("keylend.db").display())
    }

    async fn audit(&self, args: &[&str]) -> (ExitCode, String) {
        audit(&[args, &["--store", &self.store()]].concat()).await
    }

    /// The export that verifies.
    async fn exported(&self) -> PathBuf {
        let path = self.file("export.jsonl");
        let output = path.display().to_string();
        let (code, _) = self
            .audit(&["export", "--format", "jsonl", "--output", &output])
            .await;
        assert_eq!(code, ExitCode::SUCCESS);
        path
    }

    async fn head(&self) -> String {
        let (_, answer) = self.audit(&["verify"]).await;
        let (_, head) = answer.trim_end().rsplit_once(' ').unwrap();
        head.to_owned()
    }
}

#[derive(Parser)]
struct Keylend {
    #[command(subcommand)]
    audit: Audit,
}

/// What `keylend audit` with these arguments answers.
async fn audit(args: &[&str]) -> (ExitCode, String) {
    let args = [&["audit"], args].concat();
    let command = Keylend::try_parse_from(args).unwrap().audit;
    let mut out = Vec::new();
    let code = command.run(&mut out).await.unwrap();
    (code, String::from_utf8(out).unwrap())
}

async fn verify_file(path: &Path) -> (ExitCode, String) {
    audit(&["verify", "--file", &path.display().to_string()]).await
}

/// The first thing that is wrong with the store at `url`.
async fn fault(url: &str) -> String {
    let (code, answer) = audit(&["verify", "--store", url]).await;
    assert_eq!(code, ExitCode::FAILURE, "{answer}");
    let fault = answer.lines().next().unwrap();
    let fault = fault.strip_prefix("the log is broken: ");
    fault.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn an_unchanged_log_is_valid() {
    let told = Told::new().await;
    let (code, answer) = told.audit(&["verify"]).await;
    assert_eq!(code, ExitCode::SUCCESS);
    let expected = "verified entries 1 to 29: 29 entries, head 29:";
    assert!(answer.starts_with(expected), "{answer}");
}

#[tokio::test]
async fn an_empty_log_is_verified_only_with_an_empty_head() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keylend.db");
    SqliteStore::open(&path, &keylend::store::StoreKey::derive(&[0x5e; 32]))
        .await
        .unwrap()
        .close()
        .await;
    let url = format!("sqlite://{}", path.display());
    let head = format!("0:{}", "0".repeat(64));
    let said = format!("the log is empty: 0 entries, head {head}\n");
    let (code, answer) = audit(&["verify", "--store", &url]).await;
    assert_eq!(code, ExitCode::FAILURE);
    let rest = answer.strip_prefix(&said).unwrap();
    assert!(
        rest.starts_with("not verified") && rest.contains(&format!("--head {head}")),
        "{rest}"
    );
    let (code, answer) = audit(&["verify", "--store", &url, "--head", &head]).await;
    assert_eq!((code, answer), (ExitCode::SUCCESS, said));
}

#[tokio::test]
async fn a_changed_byte_in_any_column_names_its_entry() {
    let told = Told::new().await;
    for column in [
        "at",
        "request_id",
        "kind",
        "actor",
        "rules",
        "body",
        "prev_hash",
        "hash",
        "version",
    ] {
        for place in ["1", "(1 + length({}) / 2)", "length({})"] {
            let place = place.replace("{}", column);
            let sql = format!(
                "UPDATE events SET {column} = substr({column}, 1, {place} - 1)
                     || iif(substr({column}, {place}, 1) = '7', '8', '7')
                     || substr({column}, {place} + 1)
                 WHERE seq = 7"
            );
            let fault = fault(&told.tampered(&sql).await).await;
            assert!(
                fault.starts_with("entry 7 "),
                "{column} at {place}: {fault}"
            );
        }
    }
}

#[tokio::test]
async fn a_removed_or_added_field_is_reported_with_its_entry() {
    let told = Told::new().await;
    for sql in [
        "UPDATE events SET request_id = NULL WHERE seq = 7",
        "UPDATE events SET body = json_set(body, '$.more', 1) WHERE seq = 7",
        "UPDATE events SET rules = '[]' WHERE seq = 7",
        "UPDATE events SET body = replace(body, ':', ': ') WHERE seq = 7",
        "UPDATE events SET body = 'not JSON' WHERE seq = 7",
        "UPDATE events SET body = CAST(x'ff' AS TEXT) WHERE seq = 7",
    ] {
        let fault = fault(&told.tampered(sql).await).await;
        assert!(fault.starts_with("entry 7 "), "{sql}: {fault}");
    }
}

#[tokio::test]
async fn a_removed_entry_is_detected() {
    let told = Told::new().await;
    for (seq, expected) in [
        (1, "entry 1 is missing: entry 2 stands in its place."),
        (7, "entry 7 is missing: entry 8 stands in its place."),
    ] {
        let url = told
            .tampered(&format!("DELETE FROM events WHERE seq = {seq}"))
            .await;
        assert_eq!(fault(&url).await, expected);
    }
    let renumbered = "DELETE FROM events WHERE seq = 7;
                      UPDATE events SET seq = -seq WHERE seq > 7;
                      UPDATE events SET seq = -seq - 1 WHERE seq < 0;";
    let fault = fault(&told.tampered(renumbered).await).await;
    assert!(fault.starts_with("entry 7 "), "{fault}");
}

#[tokio::test]
async fn reordered_entries_are_detected() {
    let told = Told::new().await;
    let swap = "UPDATE events SET seq = 0 WHERE seq = 7;
                UPDATE events SET seq = 7 WHERE seq = 8;
                UPDATE events SET seq = 8 WHERE seq = 0;";
    let fault = fault(&told.tampered(swap).await).await;
    assert!(fault.starts_with("entry 7 "), "{fault}");
}

#[tokio::test]
async fn a_saved_head_detects_a_truncated_log() {
    let told = Told::new().await;
    let head = told.head().await;
    let url = told.tampered("DELETE FROM events WHERE seq > 20").await;
    let (code, answer) = audit(&["verify", "--store", &url]).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(
        answer.contains("The log is intact"),
        "the chain alone cannot tell: {answer}"
    );
    let (code, answer) = audit(&["verify", "--store", &url, "--head", &head]).await;
    let expected = "the log is broken: entry 29 is missing: the log ends with entry 20.\n";
    assert_eq!(code, ExitCode::FAILURE);
    assert!(answer.starts_with(expected), "{answer}");
}

#[tokio::test]
async fn a_saved_head_detects_a_rewritten_log() {
    let (told, retold) = (Told::new().await, Told::with_reason("nothing to see").await);
    let head = told.head().await;
    assert_eq!(
        told.audit(&["verify", "--head", &head]).await.0,
        ExitCode::SUCCESS
    );
    assert_eq!(retold.audit(&["verify"]).await.0, ExitCode::SUCCESS);
    let (code, answer) = retold.audit(&["verify", "--head", &head]).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(
        answer.contains("entry 29 is not the one that was seen before"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_export_is_checked_without_the_store() {
    let told = Told::new().await;
    let path = told.exported().await;
    assert_eq!(verify_file(&path).await, told.audit(&["verify"]).await);

    let text = fs::read_to_string(&path).unwrap();
    for (change, by) in [("writes fail", "writes work"), ("U0BOB", "U0EVE")] {
        fs::write(&path, text.replacen(change, by, 1)).unwrap();
        let (code, answer) = verify_file(&path).await;
        assert_eq!(code, ExitCode::FAILURE, "{answer}");
    }
    let without_seventh: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("\"seq\":7,"))
        .collect();
    fs::write(&path, without_seventh.join("\n") + "\n").unwrap();
    let (_, answer) = verify_file(&path).await;
    assert!(answer.contains("entry 7 is missing"), "{answer}");
}

#[tokio::test]
async fn only_its_owner_can_read_an_export() {
    use std::os::unix::fs::PermissionsExt;

    let told = Told::new().await;
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let file = told.exported().await;
    assert_eq!(mode(&file), 0o600);
    // Whoever could read what was there before does not read the export.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    told.exported().await;
    assert_eq!(mode(&file), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o200)).unwrap();
    told.exported().await;
    assert_eq!(mode(&file), 0o200, "no more than it was");
}

fn without_hashes(line: &str) -> String {
    let is_hash = |cell: &str| cell.len() == 64 && cell.bytes().all(|it| it.is_ascii_hexdigit());
    let cells = line.split(',');
    let cells: Vec<&str> = cells
        .map(|cell| if is_hash(cell) { "HASH" } else { cell })
        .collect();
    cells.join(",")
}

#[tokio::test]
async fn the_table_for_spreadsheets_reads_as_the_log() {
    let told = Told::new().await;
    let (code, table) = told.audit(&["export", "--format", "csv"]).await;
    assert_eq!(code, ExitCode::SUCCESS);
    // Every log has salts of its own, and so other hashes.
    let beginning: Vec<String> = table.lines().take(6).map(without_hashes).collect();
    insta::assert_snapshot!(beginning.join("\n"));
}

#[tokio::test]
async fn who_could_use_a_scope_is_answered_from_the_log_alone() {
    let told = Told::new().await;
    let mut answers = String::new();
    for at in ["09:00", "09:15", "09:20", "09:29", "09:30"] {
        let moment = format!("2026-11-21 {at}");
        let (_, answer) = told
            .audit(&["who", "--scope", "db-prod:write", "--at", &moment])
            .await;
        answers += &format!("# {at}\n{answer}");
    }
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn what_a_person_held_is_answered_by_slack_id_and_by_address() {
    let told = Told::new().await;
    let held = async |person: &str| {
        let at = "2026-11-21T09:16:00Z";
        let format = ["--at", at, "--format", "json"];
        let args = [&["who", "--person", person], format.as_slice()].concat();
        told.audit(&args).await.1
    };
    insta::assert_snapshot!(held("U0BOB").await);
    assert_eq!(held("Bob@Example.com").await, held("U0BOB").await);
    assert_eq!(held("U0MALLORY").await.trim(), "[]");
}

#[tokio::test]
async fn who_refuses_a_broken_log() {
    let told = Told::new().await;
    let url = told
        .tampered("UPDATE events SET actor = 'keylend' WHERE seq = 7")
        .await;
    let (code, answer) = audit(&["who", "--store", &url, "--person", "U0ALICE"]).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(
        answer.starts_with("the log is broken: entry 7 "),
        "{answer}"
    );
}

#[tokio::test]
async fn who_escapes_control_characters() {
    let told = Told::with_reason("\u{1b}[2Jgone\n\u{202e}evil").await;
    let args = ["who", "--person", "U0ALICE", "--at", "2026-11-21T09:01:00Z"];
    let (_, answer) = told.audit(&args).await;
    assert!(
        answer.contains(r"\u{1b}[2Jgone\u{a}\u{202e}evil"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_missing_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mistyped.db");
    let url = format!("sqlite://{}", path.display());
    let args = ["audit", "verify", "--store", &url];
    let command = Keylend::try_parse_from(args).unwrap().audit;
    assert!(command.run(&mut Vec::new()).await.is_err());
    assert!(!path.exists());
}

#[tokio::test]
async fn audit_reads_the_store_from_the_configuration() {
    let told = Told::new().await;
    let config = told.file("keylend.toml");
    let key = told.file("key");
    let text = format!(
        "[server]\nlisten = \"[::]:0\"\n[store]\nurl = \"{}\"\n[secrets]\nkey = {{ file = \"{}\" }}\n",
        told.store(),
        key.display()
    );
    fs::write(&config, text).unwrap();
    let (code, chain) = told.audit(&["verify"]).await;
    // Whoever may not read the key verifies the chain.
    let verify = async || audit(&["verify", "--config", &config.display().to_string()]).await;
    let (by_config, said) = verify().await;
    let rest = said.strip_prefix(&chain).unwrap();
    assert!(
        by_config == code && rest.starts_with("authentication codes: not checked"),
        "{rest}"
    );
    fs::write(&key, "5e".repeat(32)).unwrap();
    let checked = format!("{chain}authentication codes: valid\n");
    assert_eq!(verify().await, (code, checked));
}

#[test]
fn an_invalid_question_is_a_usage_error() {
    for args in [
        "who",
        "who --scope db-prod:write --person U0ALICE",
        "who --scope db-prod",
        "who --person U0ALICE --at yesterday",
        "verify --head 12",
        "verify --head 0:1111111111111111111111111111111111111111111111111111111111111111",
        "verify --head +1:1111111111111111111111111111111111111111111111111111111111111111",
        "verify --after 1:1111111111111111111111111111111111111111111111111111111111111111",
        "verify --store sqlite://a --file b",
        "export",
        "export --format xml",
    ] {
        let args = std::iter::once("audit").chain(args.split(' '));
        let mistake = Keylend::try_parse_from(args).err().unwrap();
        assert_eq!(mistake.exit_code(), 2, "{mistake}");
    }
}
