//! Users of the server that has the store, none of them Keylend: Mallory may connect to its database
//! and, as on PostgreSQL 14 and earlier, create objects in `public`.

use std::{process::Command, sync::Arc, time::Duration};

use keylend::{
    domain::UserId,
    grants::Grants,
    store::{
        Address, Chain, Invalidation, Ledger as _, OpenError, PostgresStore, Store, WorkClaims as _,
    },
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    server::Postgres,
    story::{active, asked, at, commit},
};

/// How long something may take that has to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many times 300 notifications are a flood.
const FLOOD: u32 = 50;

/// A server with Keylend's database, which Keylend's role owns.
pub(crate) struct Fixture {
    server: Postgres,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let server = Postgres::start().await;
        for statement in [
            "CREATE ROLE keylend LOGIN PASSWORD 'keylend'",
            "CREATE ROLE mallory LOGIN PASSWORD 'mallory'",
            "CREATE DATABASE store OWNER keylend",
        ] {
            server.execute(statement).await;
        }
        let fixture = Self { server };
        fixture
            .admin(
                "GRANT CONNECT ON DATABASE store TO mallory;
                 GRANT CREATE ON SCHEMA public TO PUBLIC",
            )
            .await;
        fixture
    }

    /// The URL by which `role` reaches the store's database.
    pub(crate) fn url(&self, role: &str) -> String {
        let url = self.server.url_for(role, role);
        url.replace("/postgres?", "/store?")
    }

    pub(crate) async fn session(&self, role: &str) -> PgConnection {
        PgConnection::connect(&self.url(role)).await.unwrap()
    }

    /// Runs statements in the store's database as the superuser.
    async fn admin(&self, statements: &str) {
        let url = self.server.admin_url().replace("/postgres?", "/store?");
        run(&mut PgConnection::connect(&url).await.unwrap(), statements).await;
    }

    pub(crate) async fn migrate(&self) -> Result<Option<String>, OpenError> {
        timeout(PATIENCE, PostgresStore::migrate(&self.url("keylend")))
            .await
            .expect("nobody can hold up a migration")
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        let opened = PostgresStore::open(
            &self.url("keylend"),
            "the configuration",
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        opened.unwrap()
    }

    /// How often the log's head was looked at.
    async fn looks(&self) -> usize {
        let log = self.server.log().await;
        log.matches("SELECT seq, hash FROM events ORDER BY seq DESC")
            .count()
    }
}

async fn run(session: &mut PgConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(session)
        .await
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
}

async fn count(session: &mut PgConnection, question: &str) -> i64 {
    let (count,) = sqlx::query_as(AssertSqlSafe(question.to_owned()))
        .fetch_one(session)
        .await
        .unwrap();
    count
}

/// How many entries the log has; each follows the one before.
async fn verified(store: &dyn Store) -> u64 {
    let mut chain = Chain::default();
    for entry in store.raw_entries(0, 1000).await.unwrap() {
        chain.check(&entry).unwrap();
    }
    chain.seq()
}

fn refused(result: Result<Option<String>, OpenError>) -> String {
    match result {
        Err(OpenError::Schema(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_of_strangers_are_no_more_than_hints() {
    let fixture = Fixture::new().await;
    fixture.migrate().await.unwrap();
    let (store, other) = (Arc::new(fixture.open().await), fixture.open().await);
    active(&*store, "one", "role").await;
    let grants = Arc::new(Grants::load(store.clone(), Arc::default()).await.unwrap());
    let (shutdown, following) = (CancellationToken::new(), grants.clone());
    let stop = shutdown.clone();
    let follower = tokio::spawn(async move { following.follow(stop).await });
    let mut facts = other.outdated().unwrap();

    let mut mallory = fixture.session("mallory").await;
    run(&mut mallory, "NOTIFY keylend_log, '9223372036854775807'").await;
    let ended = CancellationToken::new();
    let end = ended.clone();
    let (sent, sending) = watch::channel(0);
    let flood = tokio::spawn(async move {
        let (mut times, huge) = (0, "x".repeat(7000));
        while !end.is_cancelled() {
            run(
                &mut mallory,
                &format!(
                    "SELECT count(pg_notify('keylend_log', n::text))
                         FROM generate_series({times}, {times} + 300) AS n;
                     NOTIFY keylend_documents, '{huge}'; NOTIFY keylend_outdated;
                     NOTIFY keylend_outdated, '{{\"person\":\"U0{times}\"}}';
                     NOTIFY keylend_outdated, '\"any\"'"
                ),
            )
            .await;
            times += 1;
            sent.send_replace(times);
        }
    });
    // Before the first count and behind the last, which take a while on a busy machine.
    let began = Instant::now();
    let looks = fixture.looks().await;
    while began.elapsed() < Duration::from_secs(2) || *sending.borrow() < FLOOD {
        grants.caught_up_within(PATIENCE).await.unwrap();
        tokio::task::yield_now().await;
    }
    let looks = fixture.looks().await - looks;
    let seconds = began.elapsed().as_secs_f64();
    // Two replicas, each fifty times a second.
    let honest = 2.0 * 50.0 * seconds;
    assert!(
        (looks as f64) < 3.0 * honest,
        "{looks} looks in {seconds} s"
    );

    // Behind all of it replicas hear of each other, and forget what a replica tells and nothing else.
    assert_eq!(*store.head().borrow(), 5);
    let request = commit(&*store, asked("two", "bob", "db-prod:write", at(9))).await;
    let mut head = other.head();
    let heard = head.wait_for(|head| *head == 6);
    timeout(PATIENCE, heard).await.unwrap().unwrap();
    assert!(other.request(request.id).await.unwrap().is_some());
    let alice = Invalidation::Person(UserId::new("U0ALICE"));
    store.broadcast_invalidation(&alice).await.unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&alice) {
        heard.push(timeout(PATIENCE, facts.recv()).await.unwrap().unwrap());
    }
    // A replica that has just started does not know what was told before.
    heard.pop();
    assert!(
        heard.is_empty() || heard == [Invalidation::Any],
        "{heard:?}"
    );
    grants.caught_up_within(PATIENCE).await.unwrap();
    ended.cancel();
    flood.await.unwrap();
    shutdown.cancel();
    follower.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_does_not_depend_on_its_notification() {
    let fixture = Fixture::new().await;
    fixture.migrate().await.unwrap();
    let (store, other) = (fixture.open().await, fixture.open().await);
    // As when the queue is full: the statement fails, and with it its transaction.
    fixture
        .admin("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC")
        .await;
    for number in 0..5 {
        let request = asked(&format!("{number}"), "alice", "db-prod:write", at(0));
        commit(&store, request).await;
    }
    store
        .broadcast_invalidation(&Invalidation::Any)
        .await
        .unwrap();
    let tried = async {
        let refused = "permission denied for function pg_notify";
        while !fixture.server.log().await.contains(refused) {}
    };
    timeout(PATIENCE, tried).await.unwrap();
    // Whoever hears nothing looks.
    let mut head = other.head();
    let heard = head.wait_for(|head| *head == 5);
    timeout(PATIENCE, heard).await.unwrap().unwrap();
    assert_eq!(verified(&other).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_strangers_plant_runs_in_keylends_sessions() {
    let fixture = Fixture::new().await;
    let mut mallory = fixture.session("mallory").await;
    run(
        &mut mallory,
        "CREATE TABLE public.ran (what text);
         GRANT INSERT ON public.ran TO PUBLIC;
         CREATE FUNCTION public.ran(what text) RETURNS void LANGUAGE sql
             AS $$ INSERT INTO public.ran VALUES (current_user || ' ' || what) $$;
         CREATE FUNCTION public.hashtextextended(text, int) RETURNS bigint LANGUAGE sql
             AS $$ SELECT public.ran('hashtextextended'); SELECT 0::bigint $$;
         CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE sql
             AS $$ SELECT public.ran('pg_notify') $$;
         CREATE FUNCTION public.to_regclass(text) RETURNS regclass LANGUAGE sql
             AS $$ SELECT public.ran('to_regclass'); SELECT pg_catalog.to_regclass($1) $$;
         CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
             AS $$ SELECT public.ran('clock_timestamp'); SELECT pg_catalog.clock_timestamp() $$;
         CREATE FUNCTION public.quote_ident(text) RETURNS text LANGUAGE sql
             AS $$ SELECT public.ran('quote_ident'); SELECT pg_catalog.quote_ident($1) $$;
         CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql
             AS $$ SELECT public.ran('='); SELECT $1 OPERATOR(pg_catalog.=) $2 $$;
         CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, PROCEDURE = public.same);
         CREATE FUNCTION public.larger(bigint, bigint) RETURNS boolean LANGUAGE sql
             AS $$ SELECT public.ran('>'); SELECT $1 OPERATOR(pg_catalog.>) $2 $$;
         CREATE OPERATOR public.> (LEFTARG = bigint, RIGHTARG = bigint, PROCEDURE = public.larger);
         CREATE FUNCTION public.item(json, integer) RETURNS text LANGUAGE sql
             AS $$ SELECT public.ran('->>'); SELECT $1 OPERATOR(pg_catalog.->>) $2 $$;
         CREATE OPERATOR public.->> (LEFTARG = json, RIGHTARG = integer, PROCEDURE = public.item)",
    )
    .await;
    // The worst that settings can be: what is planted comes before what the server has.
    fixture
        .admin(
            "ALTER ROLE keylend SET search_path = public, pg_catalog;
             ALTER DATABASE store SET search_path = public, pg_catalog;
             ALTER ROLE keylend SET default_transaction_isolation = 'serializable';
             ALTER ROLE keylend SET default_transaction_read_only = on;
             ALTER ROLE keylend SET statement_timeout = '1ms'",
        )
        .await;
    fixture.migrate().await.unwrap();
    let store = fixture.open().await;
    active(&store, "one", "role").await;
    store
        .broadcast_invalidation(&Invalidation::Any)
        .await
        .unwrap();
    drop(store.claim("something").await.unwrap());
    store.close().await;
    let reading = PostgresStore::open_read_only(
        &fixture.url("keylend"),
        Some(&keylend::store::StoreKey::derive(&[0x5e; 32])),
    )
    .await;
    assert_eq!(verified(&reading.unwrap()).await, 5);
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .args(["store", "copy", "--from", &fixture.url("keylend"), "--to"])
        .arg(format!(
            "sqlite://{}",
            folder.path().join("copy.db").display()
        ))
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let ran: Vec<(String,)> = sqlx::query_as("SELECT what FROM public.ran")
        .fetch_all(&mut mallory)
        .await
        .unwrap();
    assert!(ran.is_empty(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_advisory_lock_of_a_stranger_holds_up_no_migration() {
    let fixture = Fixture::new().await;
    let mut mallory = fixture.session("mallory").await;
    // The lock that sqlx takes: it is made from the database's name.
    let lock = 0x3d32_ad9e * i64::from(crc32(b"store"));
    run(&mut mallory, &format!("SELECT pg_advisory_lock({lock})")).await;
    fixture.migrate().await.unwrap();
    fixture.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_at_the_same_time_follow_each_other() {
    let fixture = Fixture::new().await;
    let migrate = || fixture.migrate();
    tokio::try_join!(migrate(), migrate(), migrate(), migrate()).unwrap();
    fixture.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_strangers_planted_in_public_are_not_taken_over() {
    let fixture = Fixture::new().await;
    let mut mallory = fixture.session("mallory").await;
    run(
        &mut mallory,
        "CREATE TABLE public.requests (id text);
         CREATE TABLE public.events (seq bigint);
         CREATE TABLE public._sqlx_migrations (version bigint)",
    )
    .await;
    fixture.migrate().await.unwrap();
    let store = fixture.open().await;
    active(&store, "one", "role").await;
    assert_eq!(verified(&store).await, 5);
    assert_eq!(
        count(&mut mallory, "SELECT count(*) FROM public.requests").await,
        0
    );

    // All of them, to the letter.
    let fixture = Fixture::new().await;
    plant_tables(&fixture, "mallory").await;
    fixture.migrate().await.unwrap();
    let store = fixture.open().await;
    active(&store, "one", "role").await;
    assert_eq!(verified(&store).await, 5);
    let mut mallory = fixture.session("mallory").await;
    for table in ["events", "requests", "due"] {
        let question = format!("SELECT count(*) FROM public.{table}");
        assert_eq!(count(&mut mallory, &question).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_in_which_others_can_plant_something_is_refused() {
    let fixture = Fixture::new().await;
    fixture
        .admin("GRANT CREATE ON DATABASE store TO mallory")
        .await;
    let mut mallory = fixture.session("mallory").await;
    run(&mut mallory, "CREATE SCHEMA keylend").await;
    let why = refused(fixture.migrate().await);
    assert!(why.contains("belongs to `mallory`"), "{why}");
    run(&mut mallory, "DROP SCHEMA keylend").await;
    fixture.migrate().await.unwrap();

    let open = async || {
        let opened = PostgresStore::open(
            &fixture.url("keylend"),
            "the configuration",
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        refused(opened.map(|_| None))
    };
    fixture
        .admin("GRANT CREATE, USAGE ON SCHEMA keylend TO PUBLIC")
        .await;
    let why = open().await;
    assert!(
        why.contains("REVOKE CREATE ON SCHEMA keylend FROM PUBLIC"),
        "{why}"
    );
    run(
        &mut mallory,
        "CREATE FUNCTION keylend.json_agg(json) RETURNS json LANGUAGE sql AS 'SELECT $1'",
    )
    .await;
    fixture
        .admin("REVOKE CREATE ON SCHEMA keylend FROM PUBLIC")
        .await;
    let why = open().await;
    assert!(why.contains("function json_agg of mallory"), "{why}");
    run(&mut mallory, "DROP FUNCTION keylend.json_agg").await;
    fixture.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_schema_that_a_stranger_made_runs_before_it_is_refused() {
    let fixture = Fixture::new().await;
    fixture
        .admin("GRANT CREATE ON DATABASE store TO mallory")
        .await;
    let mut mallory = fixture.session("mallory").await;
    run(
        &mut mallory,
        "CREATE TABLE public.ran (what text);
         GRANT INSERT ON public.ran TO PUBLIC;
         CREATE FUNCTION public.ran(what text) RETURNS void LANGUAGE sql
             AS $$ INSERT INTO public.ran VALUES (current_user || ' ' || what) $$;
         CREATE SCHEMA keylend;
         GRANT USAGE ON SCHEMA keylend TO PUBLIC;
         CREATE FUNCTION keylend.version() RETURNS bigint LANGUAGE sql
             AS $$ SELECT public.ran('version'); SELECT 1000::bigint $$;
         CREATE VIEW keylend._sqlx_migrations AS SELECT keylend.version() AS version, true AS success;
         GRANT SELECT ON keylend._sqlx_migrations TO PUBLIC;
         CREATE FUNCTION keylend.same(oid, integer) RETURNS boolean LANGUAGE sql
             AS $$ SELECT public.ran('='); SELECT $1 OPERATOR(pg_catalog.=) $2::oid $$;
         CREATE OPERATOR keylend.= (LEFTARG = oid, RIGHTARG = integer, PROCEDURE = keylend.same)",
    )
    .await;
    let url = fixture.url("keylend");
    let opened = PostgresStore::open(
        &url,
        "the configuration",
        &keylend::store::StoreKey::derive(&[0x5e; 32]),
    )
    .await;
    let why = refused(opened.map(|_| None));
    assert!(why.contains("belongs to `mallory`"), "{why}");
    refused(fixture.migrate().await);
    // An auditor's session reads what another role owns, if that is the role's alone.
    run(
        &mut mallory,
        "GRANT CREATE ON SCHEMA keylend TO keylend, PUBLIC",
    )
    .await;
    let opened =
        PostgresStore::open_read_only(&url, Some(&keylend::store::StoreKey::derive(&[0x5e; 32])))
            .await;
    refused(opened.map(|_| None));
    let ran: Vec<(String,)> = sqlx::query_as("SELECT what FROM public.ran")
        .fetch_all(&mut mallory)
        .await
        .unwrap();
    assert!(ran.is_empty(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_are_named_may_connect_to_keylends_database() {
    let fixture = Fixture::new().await;
    fixture
        .server
        .execute("CREATE ROLE eve LOGIN PASSWORD 'eve'")
        .await;
    fixture.session("eve").await;
    assert_eq!(fixture.migrate().await.unwrap(), None);
    fixture.open().await;
    let kept_out = PgConnection::connect(&fixture.url("eve"))
        .await
        .unwrap_err();
    assert!(
        kept_out
            .to_string()
            .contains("permission denied for database"),
        "{kept_out}"
    );

    // Where the database is somebody else's, its owner is told what to run.
    let fixture = Fixture::new().await;
    fixture
        .admin(
            "ALTER DATABASE store OWNER TO postgres;
             GRANT CREATE ON DATABASE store TO keylend",
        )
        .await;
    let advice = fixture.migrate().await.unwrap().unwrap();
    let (_, statements) = advice.split_once('`').unwrap();
    let statements = statements.trim_end_matches('`');
    assert!(
        statements.contains("REVOKE CONNECT, TEMPORARY ON DATABASE store FROM PUBLIC"),
        "{advice}"
    );
    let said = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .args(["store", "migrate", "--store", &fixture.url("keylend")])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains(&format!("warning: {advice}")), "{said}");
    fixture.admin(statements).await;
    assert_eq!(fixture.migrate().await.unwrap(), None);
    let address: Address = fixture.url("keylend").parse().unwrap();
    address
        .open(
            "the configuration",
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await
        .unwrap();
}

/// Makes tables like Keylend's in `public`.
async fn plant_tables(fixture: &Fixture, role: &str) {
    let options: PgConnectOptions = fixture.url(role).parse().unwrap();
    let options = options.options([("search_path", "public")]);
    let mut session = PgConnection::connect_with(&options).await.unwrap();
    let migrations = sqlx::migrate!("migrations/postgres");
    migrations.run(&mut session).await.unwrap();
}

/// The checksum of zip files and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| match crc & 1 {
        0 => crc >> 1,
        _ => crc >> 1 ^ 0xedb8_8320,
    };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}
