//! A running service, and somebody with access to its tables.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use keylend::{cli::Audit, store::PostgresStore};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;

use crate::support::{fixture::Fixture, postgres::Postgres};

/// A service on a store, and somebody who can write to the store's tables.
pub struct Scene {
    pub fixture: Fixture,
    tables: Tables,
}

enum Tables {
    Sqlite(String),
    Postgres(
        Postgres,
        #[expect(dead_code, reason = "it keeps the folder")] TempDir,
    ),
}

#[derive(Parser)]
struct Keylend {
    #[command(subcommand)]
    audit: Audit,
}

impl Scene {
    pub async fn on_sqlite() -> Self {
        let fixture = Fixture::start().await;
        let tables = Tables::Sqlite(format!("sqlite://{}", fixture.database().display()));
        Self { fixture, tables }
    }

    pub async fn on_postgres() -> Self {
        let server = Postgres::start().await;
        PostgresStore::migrate(&server.admin_url()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, server.admin_url()).unwrap();
        let kept = format!("url = {{ file = \"{}\" }}", file.display());
        let on_server = |config: &str| config.replace("url = \"sqlite://DIR/keylend.db\"", &kept);
        let fixture = Fixture::with(on_server, "").await;
        let tables = Tables::Postgres(server, folder);
        Self { fixture, tables }
    }

    /// Where the store is.
    pub fn address(&self) -> String {
        match &self.tables {
            Tables::Sqlite(url) => url.clone(),
            Tables::Postgres(server, _) => server.admin_url(),
        }
    }

    /// Runs a statement behind Keylend's back, and holds that it changed something.
    pub async fn tamper(&self, sql: &str) {
        let statement = || sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let rows = match &self.tables {
            Tables::Sqlite(url) => {
                let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
                let busy = sqlx::raw_sql("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = OFF");
                busy.execute(&mut connection).await.unwrap();
                let done = statement().execute(&mut connection).await;
                done.unwrap().rows_affected()
            }
            Tables::Postgres(server, _) => {
                let mut connection = connect(server).await;
                loop {
                    match statement().execute(&mut connection).await {
                        // Keylend writes to the same rows; whose statement is cancelled is chance.
                        Err(sqlx::Error::Database(error))
                            if error.code().as_deref() == Some("40P01") => {}
                        done => break done.unwrap().rows_affected(),
                    }
                }
            }
        };
        assert!(rows > 0, "nothing was changed by {sql}");
    }

    /// The same to the log, whose triggers an administrator can drop.
    pub async fn tamper_with_the_log(&self, sql: &str) {
        let unlock = match &self.tables {
            Tables::Sqlite(_) => "DROP TRIGGER events_are_not_updated",
            Tables::Postgres(..) => "DROP TRIGGER events_are_not_changed ON events",
        };
        self.tamper(&format!("{unlock}; {sql}")).await;
    }

    /// Deletes the log's entries behind `seq`.
    pub async fn cut_off_the_log(&self, seq: u64) {
        let unlock = match &self.tables {
            Tables::Sqlite(_) => "DROP TRIGGER events_are_not_deleted",
            Tables::Postgres(..) => "DROP TRIGGER events_are_not_changed ON events",
        };
        self.tamper(&format!("{unlock}; DELETE FROM events WHERE seq > {seq}"))
            .await;
    }

    /// Deletes the log's entries of which `which` is true.
    pub async fn delete_from_the_log(&self, which: &str) {
        let unlock = match &self.tables {
            Tables::Sqlite(_) => "DROP TRIGGER IF EXISTS events_are_not_deleted",
            Tables::Postgres(..) => "DROP TRIGGER IF EXISTS events_are_not_changed ON events",
        };
        self.tamper(&format!("{unlock}; DELETE FROM events WHERE {which}"))
            .await;
    }

    /// Puts an entry about no request at `seq`, with a code that is not valid.
    pub async fn insert_into_the_log_far_ahead(&self, seq: u64) {
        let unlock = match &self.tables {
            Tables::Sqlite(_) => "DROP TRIGGER events_follow_each_other",
            Tables::Postgres(..) => "DROP TRIGGER events_follow_each_other ON events",
        };
        self.tamper(&format!(
            "{unlock};
             INSERT INTO events (seq, at, request_id, kind, actor, rules, body, prev_hash, hash,
                                 version, texts, mac)
             SELECT {seq}, at, NULL, 'a_kind_of_their_own', 'keylend', '[]', '{{}}', hash, hash,
                    version, '{{}}', mac
             FROM events WHERE seq = 1"
        ))
        .await;
    }

    /// Deletes the rows of every table that the service writes, but the log's and how far it was told.
    pub async fn empty_all_tables_but_the_log(&self) {
        let (tables, freely) = match &self.tables {
            Tables::Sqlite(_) => (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
                "",
            ),
            Tables::Postgres(..) => (
                "SELECT table_name::text FROM information_schema.tables
                 WHERE table_schema = 'keylend'",
                "SET session_replication_role = replica;",
            ),
        };
        let kept = [
            "_sqlx_migrations",
            "claims",
            "cursors",
            "events",
            "homes",
            "outdated",
            "replicas",
            "service",
        ];
        let mut tables = self.ask(tables).await;
        tables.retain(|table| !kept.contains(&table.as_str()));
        assert!(tables.contains(&"requests".to_owned()), "{tables:?}");
        // Last, so that the count of rows is not nothing.
        tables.sort_by_key(|table| table == "requests");
        let deletes = tables.iter().map(|table| format!("DELETE FROM {table};"));
        self.tamper(&format!("{freely}{}", deletes.collect::<String>()))
            .await;
    }

    /// The first column of what a question finds, as text.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        let question = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match &self.tables {
            Tables::Sqlite(url) => {
                let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
                let rows = question.fetch_all(&mut connection).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Tables::Postgres(server, _) => {
                let mut connection = connect(server).await;
                let rows = question.fetch_all(&mut connection).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// The kinds of the log's entries, in order, without those about groups.
    pub async fn kinds(&self) -> Vec<String> {
        let kinds = "SELECT kind FROM events WHERE kind NOT LIKE 'approver_group%' ORDER BY seq";
        self.ask(kinds).await
    }

    /// The name of the only request.
    pub async fn request(&self) -> String {
        let mut ids = self.ask("SELECT id FROM requests").await;
        assert_eq!(ids.len(), 1);
        ids.remove(0)
    }

    /// Edits the snapshot of a request.
    pub async fn edit(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let question = format!("SELECT snapshot FROM requests WHERE id = '{id}'");
        let mut snapshot: Value = serde_json::from_str(&self.ask(&question).await[0]).unwrap();
        change(&mut snapshot);
        let written = snapshot.to_string().replace('\'', "''");
        self.tamper(&format!(
            "UPDATE requests SET snapshot = '{written}' WHERE id = '{id}'"
        ))
        .await;
    }

    /// What `keylend audit verify` says of the store, and whether all is well.
    pub async fn verify(&self) -> (bool, String) {
        self.audit(&["verify", "--store", &self.address()]).await
    }

    /// What `keylend audit` with these arguments says, and whether all is well.
    pub async fn audit(&self, args: &[&str]) -> (bool, String) {
        let args = [&["audit"], args].concat();
        let command = Keylend::try_parse_from(args).unwrap().audit;
        let mut out = Vec::new();
        let code = command.run(&mut out).await.unwrap();
        (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
    }

    /// Holds that `keylend audit verify` finds something wrong, and names it.
    pub async fn is_named(&self, words: &[&str]) {
        let (is_well, said) = self.verify().await;
        assert!(!is_well, "{said}");
        let named = said
            .lines()
            .any(|line| words.iter().all(|word| line.contains(word)));
        assert!(named, "{words:?} are not in one line of\n{said}");
    }

    /// Holds that `keylend audit verify` finds nothing wrong.
    pub async fn is_well(&self) {
        let (is_well, said) = self.verify().await;
        assert!(is_well, "{said}");
    }

    /// Waits until `keylend audit verify` finds nothing wrong.
    pub async fn until_well(&self) {
        let come = async {
            while !self.verify().await.0 {
                self.fixture.page("/healthz").await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), come)
            .await
            .is_err()
        {
            self.is_well().await;
        }
    }

    /// Waits until the store answers a question like this.
    pub async fn until(&self, sql: &str, answer: &[&str]) {
        let come = async {
            while self.ask(sql).await != answer {
                self.fixture.page("/healthz").await;
            }
        };
        let patience = Duration::from_secs(60);
        if tokio::time::timeout(patience, come).await.is_err() {
            panic!("{sql} answers {:?}, not {answer:?}", self.ask(sql).await);
        }
    }

    /// Lets a minute pass, and waits until something is due for this request.
    pub async fn until_mended(&self, id: &str) {
        self.fixture.advance_minutes(2);
        self.until("SELECT DISTINCT request_id FROM due", &[id])
            .await;
    }

    /// Bob clicks, and hears why not.
    pub async fn bob_is_refused(&self, card: &slack_sim::Message) {
        let bob = self.fixture.bob();
        let before = bob.ephemerals().len();
        bob.click(card, "approve").await;
        self.fixture
            .in_time(|_| bob.ephemerals().into_iter().nth(before))
            .await;
    }
}

/// A session of the database's administrator that finds the store's tables.
async fn connect(server: &Postgres) -> sqlx::PgConnection {
    let url = server.admin_url();
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let path = sqlx::raw_sql("SET search_path = keylend");
    path.execute(&mut connection).await.unwrap();
    connection
}
