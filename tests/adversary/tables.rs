//! Somebody who can write every table of the store, and neither what is posted in Slack nor what secrets
//! the configuration has: Mallory, a role on the store's PostgreSQL with all privileges on its tables, which
//! belong to Keylend. One change at a time is tried in `tests/tampering`. Here they use all that they have
//! for one aim: to get access, to keep it, or to hide that it was there.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    attempts::granted,
    scene::Scene,
    support::fixture::{ALICE, APPROVALS, DAVE, Has as _, REQUEST, SCOPE},
};

const LAST: &str = "SELECT kind FROM events ORDER BY seq DESC LIMIT 1";

/// Mallory's session.
struct Mallory(PgConnection);

impl Mallory {
    async fn at(scene: &Scene) -> Self {
        let mut url: url::Url = scene.address().parse().unwrap();
        let mut admin = PgConnection::connect(url.as_str()).await.unwrap();
        let role = "
            CREATE ROLE mallory LOGIN PASSWORD 'mallory';
            GRANT CONNECT ON DATABASE postgres TO mallory;
            GRANT USAGE ON SCHEMA keylend TO mallory;
            GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA keylend TO mallory";
        sqlx::raw_sql(role).execute(&mut admin).await.unwrap();
        url.set_username("mallory").unwrap();
        url.set_password(Some("mallory")).unwrap();
        let mut session = PgConnection::connect(url.as_str()).await.unwrap();
        let path = sqlx::raw_sql("SET search_path = keylend");
        path.execute(&mut session).await.unwrap();
        Self(session)
    }

    async fn tries(&mut self, statements: &str) -> sqlx::Result<u64> {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        let done = statements.execute(&mut self.0).await?;
        Ok(done.rows_affected())
    }

    /// Runs statements that change something.
    async fn does(&mut self, statements: &str) {
        let changed = self.tries(statements).await;
        let changed = changed.unwrap_or_else(|error| panic!("{statements}: {error}"));
        assert!(changed > 0, "nothing was changed by {statements}");
    }
}

/// Alice's request is made to look like Dave's grant, with all that belongs to it.
#[tokio::test(flavor = "multi_thread")]
async fn they_cannot_get_access_by_writing_any_table_but_the_log() {
    let mut scene = Scene::on_postgres().await;
    let mut mallory = Mallory::at(&scene).await;
    granted(&scene.fixture, DAVE, "request db-prod:write 30m INC-2 fix").await;
    let card = scene.fixture.asked(REQUEST).await;
    mallory
        .does(
            "UPDATE requests a SET version = d.version, state = d.state, open = d.open,
                 awaits = d.awaits, failures = d.failures, snapshot = replace(replace(replace(
                     d.snapshot, d.id, a.id), 'U0DAVE', 'U0ALICE'), 'dave', 'alice')
             FROM requests d WHERE d.requester = 'U0DAVE' AND a.requester = 'U0ALICE';
             INSERT INTO layers
                 SELECT a.id, layer, replace(entitlement, 'dave', 'alice'), managed, goes_on
                 FROM layers, requests a WHERE a.requester = 'U0ALICE';
             DELETE FROM kept_people; DELETE FROM locks; DELETE FROM deliveries;
             INSERT INTO due SELECT id, 'console', 0 FROM requests WHERE requester = 'U0ALICE'
                 ON CONFLICT (request_id, lane) DO UPDATE SET due_at = 0",
        )
        .await;
    assert!(!scene.fixture.admitted(ALICE, SCOPE).await);
    scene.fixture.stop().await;
    scene.fixture.boot().await;
    assert!(!scene.fixture.admitted(ALICE, SCOPE).await);
    scene.fixture.advance_minutes(2);
    let state = "SELECT state FROM requests WHERE requester = 'U0ALICE'";
    scene.until(state, &["pending"]).await;
    scene.until_well().await;
    let fixture = &scene.fixture;
    assert!(!fixture.console.admits("alice") && fixture.console.admits("dave"));
    let alices = "SELECT kind FROM events WHERE request_id = (
                      SELECT id FROM requests WHERE requester = 'U0ALICE') ORDER BY seq";
    assert_eq!(scene.ask(alices).await, ["requested"]);
    // What she asked for is still what Bob decides on.
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_admits("alice").await;
}

/// The grant is made to last longer, then to be nobody's work, then to have never been.
#[tokio::test(flavor = "multi_thread")]
async fn they_cannot_keep_access_by_writing_any_table_but_the_log() {
    for effort in [
        "UPDATE requests SET snapshot = replace(snapshot, '2099-11-21T', '2099-12-31T')",
        "DELETE FROM layers; DELETE FROM due;
         UPDATE requests SET open = 0, state = 'ended', failures = 0,
             snapshot = replace(snapshot, '\"active\"', '\"ended\"')",
        "DELETE FROM layers; DELETE FROM due; DELETE FROM credentials; DELETE FROM documents;
         DELETE FROM document_refs; DELETE FROM kept_people; DELETE FROM requests",
    ] {
        let scene = Scene::on_postgres().await;
        let mut mallory = Mallory::at(&scene).await;
        let fixture = &scene.fixture;
        fixture.granted(REQUEST).await;
        mallory.does(effort).await;
        fixture.advance_minutes(30);
        assert!(!fixture.admitted(ALICE, SCOPE).await, "{effort}");
        fixture.advance_minutes(2);
        scene.until(LAST, &["ended"]).await;
        assert!(!fixture.console.admits("alice"), "{effort}");
        scene.is_well().await;
    }
}

/// The work is claimed in the name of a replica that is heard of for ever, and of the one that there is.
#[tokio::test(flavor = "multi_thread")]
async fn they_cannot_keep_access_by_claiming_the_work_on_it() {
    let scene = Scene::on_postgres().await;
    let mut mallory = Mallory::at(&scene).await;
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    mallory
        .does(
            "INSERT INTO claims SELECT 'console/' || requests.id, replicas.id FROM requests, replicas
                 ON CONFLICT DO NOTHING;
             INSERT INTO replicas SELECT 'mallory', configuration, in_step, 'infinity' FROM replicas
                 LIMIT 1;
             INSERT INTO claims SELECT '/' || id, 'mallory' FROM requests
                 ON CONFLICT (name) DO UPDATE SET replica = 'mallory'",
        )
        .await;
    fixture.advance_minutes(33);
    let is_gone = |_: &slack_sim::Sim| (!fixture.console.admits("alice")).then_some(());
    fixture.in_time(is_gone).await;
}

/// Whatever is left of the tables, the log, the channel and the checks tell of the access.
#[tokio::test(flavor = "multi_thread")]
async fn they_cannot_hide_that_access_was_there() {
    let scene = Scene::on_postgres().await;
    let mut mallory = Mallory::at(&scene).await;
    let fixture = &scene.fixture;
    fixture.granted(REQUEST).await;
    fixture.audited("<@U0BOB>").await;
    for refused in [
        "UPDATE events SET actor = 'person:U0CAROL' WHERE kind = 'approved'",
        "DELETE FROM events",
        "TRUNCATE events",
        "TRUNCATE events, requests CASCADE",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TRIGGER events_are_not_changed ON events",
        "CREATE OR REPLACE FUNCTION the_log_is_append_only() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN RETURN NULL; END'",
        "SET session_replication_role = replica",
        "CREATE RULE none AS ON INSERT TO events DO INSTEAD NOTHING",
        "DROP TABLE events",
        // A table of their own by the same name, in which the trigger could look.
        "CREATE TEMP TABLE events AS SELECT seq + 4 AS seq FROM keylend.events;
         INSERT INTO keylend.events SELECT seq + 5, at, request_id, kind, actor, rules, body, prev_hash,
             hash, version, texts, mac FROM keylend.events ORDER BY seq DESC LIMIT 1",
        "INSERT INTO events SELECT seq + 5, at, request_id, kind, actor, rules, body, prev_hash, hash,
             version, texts, mac FROM events ORDER BY seq DESC LIMIT 1",
    ] {
        let tried = mallory.tries(refused).await;
        assert!(tried.is_err(), "{refused}: {tried:?}");
    }
    scene.is_well().await;

    // Everything else goes, and is missed.
    mallory
        .does("DELETE FROM layers; DELETE FROM due; DELETE FROM credentials; DELETE FROM requests")
        .await;
    scene.is_named(&["requests", "the row is missing"]).await;
    let (address, at) = (scene.address(), "2099-11-21 02:10");
    let who = ["who", "--scope", SCOPE, "--at", at, "--store", &address];
    let (is_well, said) = scene.audit(&who).await;
    assert!(is_well && said.to_lowercase().contains("alice"), "{said}");
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture
        .in_time(|sim| {
            let mut told = sim.messages(APPROVALS).into_iter();
            told.find(|card| card.says("<@U0BOB>") && !card.has("approve"))
        })
        .await;
}

/// An entry of their own that does not follow from the one before stops every approval, and no end.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_they_forge_without_the_chain_grants_nothing_and_is_named() {
    let scene = Scene::on_postgres().await;
    let mut mallory = Mallory::at(&scene).await;
    let fixture = &scene.fixture;
    granted(fixture, DAVE, "request db-prod:write 30m INC-2 fix").await;
    let card = fixture.asked(REQUEST).await;
    mallory
        .does(
            "INSERT INTO events SELECT head.seq + 1, head.at, a.id, 'approved', d.actor, d.rules,
                 replace(d.body, d.request_id, a.id), head.hash, repeat('a', 64), d.version, d.texts, d.mac
             FROM events d, requests a, (SELECT * FROM events ORDER BY seq DESC LIMIT 1) AS head
             WHERE d.kind = 'approved' AND a.requester = 'U0ALICE'",
        )
        .await;
    scene.bob_is_refused(&card).await;
    fixture.audited("`chain_broken`").await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert!(!fixture.console.admits("alice"));
    let (is_well, said) = scene.verify().await;
    assert!(!is_well, "{said}");
    // Whatever her row follows by now, no target is told.
    fixture.advance_minutes(2);
    for _ in 0..40 {
        fixture.clock.advance(Duration::from_secs(10));
        scene.kinds().await;
        fixture.page("/healthz").await;
    }
    assert!(!fixture.console.admits("alice"));
    fixture.advance_minutes(31);
    let is_gone = |_: &slack_sim::Sim| (!fixture.console.admits("dave")).then_some(());
    fixture.in_time(is_gone).await;
    assert!(!fixture.console.admits("alice"));
}
