//! The check: `POST /access/v1/evaluation`, over HTTP, on the real store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use keylend::{
    alerts::Alerts,
    api::{self, Api, Tokens},
    clock::Clock,
    domain::{
        Actor, BackendName, Command, Email, Entitlement, Handle, Human, Leftovers, Lock, LockEvent,
        LockTarget, Params, Parties, PlannedGrant, PlannedLayer, Removal, Request, RevocationMode,
        Span, UserId,
    },
    grants::Grants,
    metrics::Metrics,
    routes::{Authentication, Routes},
    store::{Commit, EntryBody, Ledger as _, LockChange, Record, SqliteStore, Store},
};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio_util::sync::CancellationToken;

use crate::{story::Story, support::clock::TestClock};

const TOKEN: &str = "a-token-that-nobody-guesses";

/// The whole of Keylend that a check needs, listening on a free port.
struct Service {
    routes: Routes,
    store: Arc<SqliteStore>,
    story: Story,
    base: String,
    http: reqwest::Client,
    stop: CancellationToken,
    folder: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Service {
    async fn start() -> Self {
        Self::start_following().await.0
    }

    async fn start_following() -> WithMemory {
        let service = Self::start_without_follower().await;
        service.follow();
        service
    }

    async fn start_without_follower() -> WithMemory {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::at("2026-11-21T09:00:00Z");
        let store = open(&folder).await;
        let grants = Arc::new(loaded(store.clone()).await);
        let stop = CancellationToken::new();
        let alerts = Arc::new(Alerts::default());
        let watching = (grants.clone(), alerts.clone(), stop.clone());
        tokio::spawn(async move { watching.0.watch_revocations(&watching.1, watching.2).await });
        let routes = api::routes(Api {
            grants: grants.clone(),
            store: store.clone(),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::default()),
            alerts,
            tokens: Tokens::new([
                ("other".to_owned(), "another-token".into()),
                ("gateway".to_owned(), TOKEN.into()),
            ]),
            reach: tokio::sync::watch::channel(Ok(())).1,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(
            axum::serve(listener, routes.router().clone())
                .with_graceful_shutdown(stop.clone().cancelled_owned())
                .into_future(),
        );
        // Another test of the same process may have been first; either provider is this one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        WithMemory(
            Self {
                story: Story {
                    store: store.clone(),
                    clock,
                },
                routes,
                store,
                base,
                http: reqwest::Client::new(),
                stop,
                folder,
            },
            grants,
        )
    }

    async fn alice_holds(&self, scope: &str, minutes: u32) -> Request {
        let mut request = self.story.ask("alice", scope, minutes, "writes fail").await;
        self.story.grant(&mut request, "U0BOB").await;
        request
    }

    fn ask(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http
            .post(format!("{}/access/v1/evaluation", self.base))
            .bearer_auth(TOKEN)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
    }

    /// Whether `subject` may `write` to `resource`, with the context of the answer.
    async fn check(&self, subject: &str, resource: &str) -> (bool, Value) {
        let response = self.ask(question(subject, resource)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut answer: Value = response.json().await.unwrap();
        (
            answer["decision"].as_bool().unwrap(),
            answer["context"].take(),
        )
    }

    /// Waits until `/readyz` lists these alerts, ready all the while; answers the page.
    async fn until_degraded(&self, alerts: &[&str]) -> Value {
        let listed = async {
            loop {
                let (status, body) = self.fetch("/readyz").await;
                assert_eq!(status, StatusCode::OK, "{body}");
                let body: Value = serde_json::from_str(&body).unwrap();
                if body["degraded"] == json!(alerts) {
                    return body;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), listed)
            .await
            .unwrap()
    }

    async fn fetch(&self, path: &str) -> (StatusCode, String) {
        let request = self.http.get(format!("{}{path}", self.base));
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

/// A service, and the memory that its checks are answered from.
struct WithMemory(Service, Arc<Grants>);

impl WithMemory {
    fn follow(&self) {
        let (grants, stop) = (self.1.clone(), self.0.stop.clone());
        tokio::spawn(async move { grants.follow(stop).await });
    }
}

fn question(subject: &str, resource: &str) -> String {
    json!({
        "subject": { "type": "user", "id": subject, "properties": { "department": "Sales" } },
        "action": { "name": "write" },
        "resource": { "type": "database", "id": resource },
        "context": { "time": "2026-11-21T09:00:00Z" },
        "something_else": [1, 2, 3],
    })
    .to_string()
}

#[tokio::test]
async fn a_route_answers_without_proof_only_if_it_declares_that_it_needs_none() {
    let service = Service::start().await;
    let declared: Vec<_> = service.routes.declared().collect();
    assert!(declared.len() >= 4, "{declared:?}");
    for (path, authentication) in declared {
        let url = format!("{}{path}", service.base);
        let (request, expected) = match authentication {
            Authentication::None => (service.http.get(url), StatusCode::OK),
            Authentication::BearerToken => (service.http.post(url), StatusCode::UNAUTHORIZED),
            Authentication::SlackSignature => panic!("{path} is not Slack's"),
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_check_says_yes_while_the_grant_is_active() {
    let service = Service::start().await;
    let grant = service.alice_holds("db-prod:write", 30).await;
    let expected = json!({
        "grant": grant.id.to_string(),
        "expires_at": "2026-11-21T09:30:00.000Z",
    });
    for subject in ["U0ALICE", "alice@example.com", "Alice@Example.COM"] {
        let answer = service.check(subject, "db-prod").await;
        assert_eq!(answer, (true, expected.clone()), "{subject}");
    }
}

#[tokio::test]
async fn a_check_says_no_before_approval_and_provisioning() {
    let service = Service::start().await;
    let mut request = service.story.ask("alice", "db-prod:write", 30, "").await;
    assert!(!service.check("U0ALICE", "db-prod").await.0);
    let story = &service.story;
    let approve = Command::Approve {
        by: Actor::Person(UserId::new("U0BOB")),
        rules: Vec::new(),
        revision: 1,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: vec![PlannedLayer {
                backend: BackendName::new("pg-prod"),
                params: Params::new(),
                handle: Handle::new("h"),
                revocation: RevocationMode::Call,
                late_effects: Span::default(),
                title: None,
                entitlement: Entitlement::new("e"),
            }],
            ..PlannedGrant::default()
        },
    };
    story.tell(&mut request, approve).await;
    assert!(!service.check("U0ALICE", "db-prod").await.0);
}

#[tokio::test]
async fn a_check_says_no_from_the_end_on_before_revocation() {
    let service = Service::start().await;
    let grant = service.alice_holds("db-prod:write", 30).await;
    let end = grant.expires_at.unwrap();
    let clock = &service.story.clock;
    clock.set(end - Duration::from_millis(1));
    assert!(service.check("U0ALICE", "db-prod").await.0);
    clock.set(end);
    assert!(!service.check("U0ALICE", "db-prod").await.0);
    clock.advance(Duration::from_millis(1));
    assert!(!service.check("U0ALICE", "db-prod").await.0);
}

#[tokio::test]
async fn a_check_says_no_as_soon_as_the_end_is_committed() {
    let service = Service::start().await;
    let mut grant = service.alice_holds("db-prod:write", 30).await;
    assert!(service.check("U0ALICE", "db-prod").await.0);
    service.story.done(&mut grant).await;
    assert!(!service.check("U0ALICE", "db-prod").await.0);
}

#[tokio::test]
async fn of_two_grants_the_longer_one_answers_until_both_are_over() {
    let service = Service::start().await;
    let mut long = service.alice_holds("db-prod:write", 60).await;
    service.story.clock.advance(Duration::from_secs(1));
    let short = service.alice_holds("db-prod:write", 30).await;
    let (_, context) = service.check("U0ALICE", "db-prod").await;
    assert_eq!(context["grant"], long.id.to_string());
    service.story.done(&mut long).await;
    let (_, context) = service.check("U0ALICE", "db-prod").await;
    assert_eq!(context["grant"], short.id.to_string());
}

#[tokio::test]
async fn a_check_by_the_holders_new_address_finds_the_grant() {
    let service = Service::start().await;
    let mut before = service.alice_holds("db-prod:write", 60).await;
    let story = &service.story;
    story.clock.advance(Duration::from_secs(1));
    let mut since = story.ask("alice", "db-prod:write", 30, "").await;
    let (id, address) = (UserId::new("U0ALICE"), Email::new("alice.b@example.com"));
    let parties = Parties {
        requester: Human::new(&id, Some(&address)),
        ..Parties::default()
    };
    let granted = since.id.to_string();
    story.grant_among(&mut since, "U0BOB", parties).await;
    let (_, context) = service.check("alice.b@example.com", "db-prod").await;
    assert_eq!(context["grant"], granted);
    for name in ["U0ALICE", "alice@example.com"] {
        let (_, context) = service.check(name, "db-prod").await;
        assert_eq!(context["grant"], before.id.to_string(), "{name}");
    }
    story.done(&mut before).await;
    for name in ["U0ALICE", "alice@example.com"] {
        let (_, context) = service.check(name, "db-prod").await;
        assert_eq!(context["grant"], granted, "{name}");
    }
}

#[tokio::test]
async fn an_extension_moves_the_end_that_the_check_knows() {
    let service = Service::start().await;
    let mut grant = service.alice_holds("db-prod:write", 30).await;
    let story = &service.story;
    let ask = Command::RequestExtension {
        by: grant.requester.clone(),
        human: Human::default(),
        rules: Vec::new(),
        duration: Span::minutes(15),
        lapses_at: Span::minutes(60).after(story.clock.now()),
        reason: String::new(),
    };
    story.tell(&mut grant, ask).await;
    let approve = Command::Approve {
        by: Actor::Person(UserId::new("U0BOB")),
        rules: Vec::new(),
        revision: grant.revision,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: Vec::new(),
            ..PlannedGrant::default()
        },
    };
    story.tell(&mut grant, approve).await;
    let (_, context) = service.check("U0ALICE", "db-prod").await;
    assert_eq!(context["expires_at"], "2026-11-21T09:45:00.000Z");
}

#[tokio::test]
async fn a_denied_check_reveals_nothing() {
    let service = Service::start().await;
    service.alice_holds("db-prod:write", 30).await;
    for (subject, resource) in [
        ("U0ALICE", "db-test"),
        ("U0BOB", "db-prod"),
        ("nobody@example.com", "db-prod"),
        ("", "db-prod"),
        ("u0alice", "db-prod"),
        ("U0ALICE", "no such thing"),
        ("db-prod:write", "db-prod"),
    ] {
        let answer = service.check(subject, resource).await;
        let expected = json!({ "reason": "no_active_grant" });
        assert_eq!(answer, (false, expected), "{subject} {resource}");
    }
}

/// A store in which Alice holds access before anything has read it.
async fn alice_held_before(folder: &tempfile::TempDir) -> (Story, Request) {
    let clock = TestClock::at("2026-11-21T09:00:00Z");
    let store = open(folder).await;
    let story = Story { store, clock };
    let mut request = story.ask("alice", "db-prod:write", 30, "").await;
    story.grant(&mut request, "U0BOB").await;
    (story, request)
}

/// Memory that has read a store for the first time.
async fn loaded(store: Arc<dyn Store>) -> Grants {
    Grants::load(store, Arc::default()).await.unwrap()
}

#[tokio::test]
async fn grants_from_before_the_start_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let (story, request) = alice_held_before(&folder).await;
    let grants = loaded(story.store.clone()).await;
    let known = grants.caught_up_within(Duration::ZERO).await.unwrap();
    let scope = "db-prod:write".parse().unwrap();
    let held = known.check("U0ALICE", &scope, story.clock.now()).unwrap();
    assert_eq!(held.request, request.id);
}

#[tokio::test]
async fn a_lock_that_was_deleted_from_its_table_still_counts() {
    let service = Service::start().await;
    service.alice_holds("db-prod:write", 30).await;
    assert!(service.check("U0ALICE", "db-prod").await.0);
    let lock = Lock {
        target: LockTarget::Everything,
        person: Human::default(),
        by: UserId::new("U0SEC"),
        reason: "an incident".to_owned(),
        at: service.story.clock.now(),
        until: None,
    };
    let record = Record {
        at: lock.at,
        request: None,
        actor: Actor::Person(lock.by.clone()),
        rules: Vec::new(),
        body: EntryBody::Lock(LockEvent::Locked {
            target: lock.target.clone(),
            person: lock.person.clone(),
            reason: lock.reason.clone(),
            until: None,
        }),
    };
    let commit = Commit {
        lock: Some(LockChange::Set(lock, record)),
        ..Commit::default()
    };
    service.store.commit(commit).await.unwrap();
    assert!(!service.check("U0ALICE", "db-prod").await.0);

    let path = service.folder.path().join("keylend.db");
    let url = format!("sqlite://{}", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let delete = sqlx::query("DELETE FROM locks").execute(&mut connection);
    assert_eq!(delete.await.unwrap().rows_affected(), 1);
    // One more commit, so that memory has looked at the table since.
    service.story.ask("dave", "lab:use", 30, "").await;
    assert!(!service.check("U0ALICE", "db-prod").await.0);
    let grants = loaded(service.store.clone()).await;
    let known = grants.caught_up_within(Duration::ZERO).await.unwrap();
    let scope = "db-prod:write".parse().unwrap();
    assert_eq!(
        known.check("U0ALICE", &scope, service.story.clock.now()),
        None
    );
}

/// Another replica ended the grant, and somebody was faster with its old row than this replica with
/// its look.
#[tokio::test]
async fn a_proven_snapshot_is_proven_again_after_each_entry() {
    let folder = tempfile::tempdir().unwrap();
    let (story, mut request) = alice_held_before(&folder).await;
    let grants = loaded(story.store.clone()).await;
    let old = serde_json::to_string(&request).unwrap();
    story.done(&mut request).await;

    let url = format!("sqlite://{}", folder.path().join("keylend.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let put_back = sqlx::query("UPDATE requests SET snapshot = $1, state = 'active'").bind(old);
    put_back.execute(&mut connection).await.unwrap();
    let (grants, stop) = (Arc::new(grants), CancellationToken::new());
    let following = (grants.clone(), stop.clone());
    let following = tokio::spawn(async move { following.0.follow(following.1).await });
    let known = grants.caught_up_within(Duration::from_secs(60)).await;
    let scope = "db-prod:write".parse().unwrap();
    let held = known.unwrap().check("U0ALICE", &scope, story.clock.now());
    assert_eq!(held, None);
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn without_a_known_token_nothing_is_answered() {
    let service = Service::start().await;
    service.alice_holds("db-prod:write", 30).await;
    let url = format!("{}/access/v1/evaluation", service.base);
    let ask = || service.http.post(&url).body(question("U0ALICE", "db-prod"));
    for (request, challenge) in [
        (ask(), "Bearer realm=\"keylend\""),
        (
            ask().basic_auth("gateway", Some(TOKEN)),
            "Bearer realm=\"keylend\"",
        ),
        (
            ask().bearer_auth("a-token-that-nobody-guesse"),
            "Bearer realm=\"keylend\", error=\"invalid_token\"",
        ),
        (ask().bearer_auth(""), "Bearer realm=\"keylend\""),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], challenge);
        assert!(!response.text().await.unwrap().contains("decision"));
    }
    let response = ask().bearer_auth("another-token").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_unreadable_request_is_refused_with_a_reason() {
    let service = Service::start().await;
    let group = question("U0ALICE", "db-prod").replace("\"user\"", "\"group\"");
    for (body, hint) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "subject"),
        ("{\"subject\":{\"type\":\"user\"}}", "missing field `id`"),
        (group.as_str(), "`subject.type` has to be `user`"),
    ] {
        let response = service.ask(body.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["error"], "invalid_request");
        let message = problem["message"].as_str().unwrap();
        assert!(message.contains(hint), "{body}: {message}");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let service = Service::start().await;
    let padded = |length: usize| {
        let question = question("U0ALICE", "db-prod");
        let padding = " ".repeat(length - question.len());
        question + &padding
    };
    let status = async |body| service.ask(body).send().await.unwrap().status();
    assert_eq!(status(padded(64 * 1024)).await, StatusCode::OK);
    assert_eq!(
        status(padded(64 * 1024 + 1)).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn only_post_is_answered() {
    let service = Service::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let url = format!("{}/access/v1/evaluation", service.base);
        let request = service.http.request(method, url).bearer_auth(TOKEN);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn the_request_id_comes_back_with_every_answer() {
    let service = Service::start().await;
    for body in [question("U0ALICE", "db-prod"), "{".to_owned()] {
        let request = service.ask(body).header("X-Request-ID", "bfe9eb29-ab87");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"], "bfe9eb29-ab87");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn checks_answer_503_while_behind_the_log() {
    let service = Service::start_without_follower().await;
    let mut grant = service.0.alice_holds("db-prod:write", 30).await;
    let ask = async || {
        let request = service.0.ask(question("U0ALICE", "db-prod"));
        request.send().await.unwrap()
    };
    let response = ask().await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert!(!response.text().await.unwrap().contains("decision"));
    let (status, body) = service.0.fetch("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("\"caught_up\":false"), "{body}");

    // The end is committed while memory still knows of an active grant: no yes in between.
    service.0.story.done(&mut grant).await;
    service.follow();
    service
        .1
        .caught_up_within(Duration::from_secs(30))
        .await
        .unwrap();
    assert!(!service.0.check("U0ALICE", "db-prod").await.0);
}

#[tokio::test]
async fn checks_answer_503_when_the_store_is_unreachable() {
    let WithMemory(service, grants) = Service::start_following().await;
    service.alice_holds("db-prod:write", 30).await;
    assert!(service.check("U0ALICE", "db-prod").await.0);
    service.store.close().await;
    let lost = async {
        while grants.caught_up_within(Duration::ZERO).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), lost)
        .await
        .unwrap();
    let request = service.ask(question("U0ALICE", "db-prod"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let (status, body) = service.fetch("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("\"store\":\"unavailable\""), "{body}");
    assert_eq!(service.fetch("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_first_failure_to_revoke_is_told_until_the_access_is_proven_gone() {
    let service = Service::start().await;
    let mut grant = service.alice_holds("db-prod:write", 30).await;
    assert_eq!(service.fetch("/readyz").await.0, StatusCode::OK);
    let over = service.story.clock.now();
    service.story.done(&mut grant).await;
    let (decision, context) = service.check("U0ALICE", "db-prod").await;
    let since = over.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let expected = json!({ "reason": "being_revoked", "since": since });
    assert_eq!((decision, &context), (false, &expected));
    let retry_at = Span::seconds(1).after(service.story.clock.now());
    let (layer, error) = (0, "connection refused".to_owned());
    let failed = Command::RevokeFailed {
        layer,
        error,
        retry_at,
    };
    service.story.tell(&mut grant, failed).await;
    let body = service
        .until_degraded(&["revocation_failing:pg-prod"])
        .await;
    let expected = json!([{ "request": grant.id.to_string(), "failures": 1 }]);
    assert_eq!((&body["ready"], &body["stuck"]), (&json!(true), &expected));
    let (_, metrics) = service.fetch("/metrics").await;
    assert!(metrics.contains("keylend_revocations_stuck 1"), "{metrics}");
    let alert = r#"keylend_alert{alert="revocation_failing:pg-prod"} 1"#;
    assert!(metrics.contains(alert), "{metrics}");

    service.story.gone(&mut grant).await;
    service.until_degraded(&[]).await;
    let (_, context) = service.check("U0ALICE", "db-prod").await;
    assert_eq!(context, json!({ "reason": "no_active_grant" }));
    let (_, metrics) = service.fetch("/metrics").await;
    assert!(metrics.contains("keylend_revocations_stuck 0"), "{metrics}");
    assert!(!metrics.contains("keylend_alert{"), "{metrics}");
}

#[tokio::test]
async fn health_and_metrics_need_no_token_and_name_nobody() {
    let service = Service::start().await;
    service.alice_holds("db-prod:write", 30).await;
    assert!(service.check("U0ALICE", "db-prod").await.0);
    assert_eq!(
        service.fetch("/healthz").await,
        (StatusCode::OK, "ok\n".to_owned())
    );
    let (status, metrics) = service.fetch("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        "keylend_checks_total{decision=\"yes\"} 1",
        "keylend_checks_total{decision=\"no\"} 0",
        "keylend_grants_active 1",
        "keylend_log_head 5",
        "keylend_log_applied 5",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    for name in ["alice", "ALICE", "db-prod"] {
        assert!(!metrics.contains(name), "{metrics}");
    }
}

#[tokio::test]
async fn the_delay_of_a_revocation_counts_from_the_grants_end_to_the_proof() {
    let service = Service::start().await;
    let (story, metrics) = (&service.story, Metrics::default());
    let mut grant = service.alice_holds("db-prod:write", 30).await;
    let mut step = async |command, seconds| {
        let end = grant.expires_at.unwrap();
        story.clock.set(end + Duration::from_secs(seconds));
        let before = grant.clone();
        for event in story.tell(&mut grant, command).await {
            metrics.occurred(Some(&before), event.at, &event.event);
        }
    };
    let (layer, error) = (0, "connection refused".to_owned());
    let retry_at = story.clock.now();
    step(Command::Expire, 7).await;
    step(
        Command::RevokeFailed {
            layer,
            error,
            retry_at,
        },
        8,
    )
    .await;
    let how = Removal::Removed;
    step(
        Command::Revoked {
            layer,
            removal: how,
            leftovers: Leftovers::default(),
        },
        90,
    )
    .await;
    let text = metrics.text().unwrap();
    for line in [
        "keylend_revocation_retries_total 1",
        "keylend_requests_total{outcome=\"ended\"} 1",
        "keylend_revocation_delay_seconds_sum 90.0",
        "keylend_revocation_delay_seconds_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

async fn open(folder: &tempfile::TempDir) -> Arc<SqliteStore> {
    let path = folder.path().join("keylend.db");
    Arc::new(
        SqliteStore::open(&path, &keylend::store::StoreKey::derive(&[0x5e; 32]))
            .await
            .unwrap(),
    )
}
