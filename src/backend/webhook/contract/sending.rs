//! Keylend's side of a webhook, with a service that answers what the test says.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use keylend::{
    backend::{Backend, BackendConfig, BackendError, Diagnosis, Holder, Presence},
    clock::Clock,
    domain::{BackendName, Params, Time},
};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use crate::subject::{Calls as _, Order};
use crate::{
    schema::{ANSWER, DIAGNOSIS, INVENTORY, ORDER},
    subject::{NAME, order},
};

const SECRET: &str = "shared-with-the-service";

/// The moment at which all of this happens.
const NOW: i64 = 1_793_613_600;

struct Service {
    kept: Arc<Kept>,
    backend: Arc<dyn Backend>,
}

#[derive(Default)]
struct Kept {
    /// Every `Idempotency-Key`, empty where there was none, and every document, in order.
    calls: Mutex<Vec<(String, Value)>>,
    answer: Mutex<Answer>,
}

#[derive(Clone, Default)]
struct Answer {
    status: StatusCode,
    header: Option<(HeaderName, &'static str)>,
    text: String,
    /// The text is followed by nothing, for ever.
    stalls: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = header("Keylend-Timestamp").unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(&[b"v1:", timestamp.as_bytes(), b":", &body].concat());
    let signature = header("Keylend-Signature")
        .and_then(|value| value.strip_prefix("v1="))
        .and_then(|digits| hex::decode(digits).ok())
        .unwrap_or_default();
    if mac.verify_slice(&signature).is_err() || timestamp != NOW.to_string() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let key = header("Idempotency-Key").unwrap_or_default().to_owned();
    let document = serde_json::from_slice(&body).expect("JSON");
    lock(&kept.calls).push((key, document));

    let answer = lock(&kept.answer).clone();
    let rest = stream::pending().take(usize::from(answer.stalls));
    let text = stream::once(async { Ok::<_, Infallible>(answer.text) }).chain(rest);
    let mut response = (answer.status, Body::from_stream(text)).into_response();
    if let Some((name, value)) = answer.header {
        response
            .headers_mut()
            .insert(name, value.parse().expect("a header"));
    }
    response
}

impl Service {
    async fn start(limit: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let kept = Arc::<Kept>::default();
        let app = Router::new()
            .route("/keylend", post(serve))
            .with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let service = Self {
            kept,
            backend: webhook(address, limit),
        };
        service.answers(200, r#"{"present": true}"#);
        service
    }

    fn answers(&self, status: u16, text: impl Into<String>) {
        *lock(&self.kept.answer) = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            text: text.into(),
            ..Answer::default()
        };
    }

    fn answers_with(&self, status: u16, header: HeaderName, value: &'static str) {
        self.answers(status, "");
        lock(&self.kept.answer).header = Some((header, value));
    }

    async fn diagnose(&self, layers: &[Params]) -> Result<Diagnosis, BackendError> {
        self.backend.diagnose(layers).await
    }

    async fn holders(&self, order: &Order) -> Result<Vec<Holder>, BackendError> {
        self.backend.bound(order).holders().await
    }

    /// The outcomes of a grant, a revocation and a status.
    async fn outcomes(&self, order: &Order) -> [Result<(), BackendError>; 3] {
        [
            self.backend.grant(order, None).await.map(drop),
            self.backend.revoke(order).await,
            self.backend.status(order).await.map(drop),
        ]
    }
}

fn some_order() -> Order {
    order("alice", json!({"space": "handbook", "roles": ["editor"]}))
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_timestamp(NOW, 0).expect("a moment")
    }

    fn until(&self, _: Time) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

fn webhook(address: SocketAddr, limit: &str) -> Arc<dyn Backend> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), SECRET).expect("a file of ours");
    let config: BackendConfig = toml::from_str(&format!(
        "[webhook]\nurl = 'http://{address}/keylend'\nsecret = {{ file = '{}' }}\ntimeout = '{limit}'",
        file.path().display()
    ))
    .expect("a configuration");
    let target = config.build(&BackendName::new(NAME), Arc::new(Still));
    target.expect("a target")
}

#[tokio::test]
async fn every_document_that_is_sent_follows_the_schema() {
    let service = Service::start("60s").await;
    let mut order = some_order();
    for outcome in service.outcomes(&order).await {
        outcome.expect("an answer");
    }
    order.username = keylend::domain::Username::new("löwe \u{202e}\"\0");
    order.params = Params::new();
    order.generation = (1 << 53) - 1;
    for outcome in service.outcomes(&order).await {
        outcome.expect("an answer");
    }
    let layers = [order.params.clone(), some_order().params.clone()];
    service.answers(200, r#"{"holders": []}"#);
    service.diagnose(&layers).await.expect("an answer");
    service.holders(&order).await.expect("a list");
    let calls = lock(&service.kept.calls).clone();
    assert_eq!(calls.len(), 8);
    assert_eq!(calls[6].1["layers"][1], json!(layers[1]));
    for (key, document) in calls {
        ORDER.check(&document);
        assert_eq!(
            document["idempotency_key"].as_str().unwrap_or_default(),
            key
        );
    }
}

#[tokio::test]
async fn the_status_says_whether_trying_again_makes_sense() {
    let service = Service::start("60s").await;
    let order = some_order();
    for status in [408, 425, 429, 500, 503] {
        service.answers(status, "");
        for outcome in service.outcomes(&order).await {
            assert!(
                matches!(outcome, Err(BackendError::Retry(_))),
                "{status}: {outcome:?}"
            );
        }
    }
    for status in [302, 307, 400, 401, 404, 410, 422] {
        service.answers_with(status, axum::http::header::LOCATION, "/elsewhere");
        for outcome in service.outcomes(&order).await {
            assert!(
                matches!(outcome, Err(BackendError::Fail(_))),
                "{status}: {outcome:?}"
            );
        }
    }
    for status in [429, 503] {
        service.answers_with(status, RETRY_AFTER, "120");
        for outcome in service.outcomes(&order).await {
            let Err(BackendError::Retry(failure)) = outcome else {
                panic!("{status}: {outcome:?}");
            };
            assert_eq!(failure.retry_after, Some(Duration::from_secs(120)));
        }
    }
    service.answers(409, "generation 7 has come before");
    for outcome in service.outcomes(&order).await {
        match outcome {
            Err(BackendError::Superseded(said)) => assert_eq!(
                said,
                "the webhook answered 409 Conflict: generation 7 has come before"
            ),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_service_that_is_still_working_is_neither_done_nor_failed() {
    let service = Service::start("60s").await;
    let order = some_order();
    for (value, seconds) in [
        ("30", Some(30)),
        ("Wed, 21 Oct 2099 07:28:00 GMT", None),
        ("-1", None),
        ("", None),
    ] {
        service.answers_with(202, RETRY_AFTER, value);
        // What the body says does not count: it is not done.
        lock(&service.kept.answer).text = r#"{"present": false}"#.to_owned();
        for outcome in service.outcomes(&order).await {
            match outcome {
                Err(BackendError::Pending { retry_after }) => {
                    assert_eq!(retry_after, seconds.map(Duration::from_secs), "{value}");
                }
                other => panic!("{value}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_status_is_understood_exactly_if_it_follows_the_schema() {
    let service = Service::start("60s").await;
    let order = some_order();
    for answer in [
        json!({"present": true}),
        json!({"present": false}),
        json!({"present": false, "pending": true}),
        json!({"present": true, "pending": true, "retry_after": 0}),
        json!({"present": true, "pending": false, "retry_after": 4_294_967_295_u32}),
        json!({"present": true, "more": [1]}),
        json!({}),
        json!({"pending": true}),
        json!({"present": null}),
        json!({"present": 1}),
        json!({"present": "true"}),
        json!({"present": true, "pending": 1}),
        json!({"present": true, "pending": null}),
        json!({"present": true, "retry_after": -1}),
        json!({"present": true, "retry_after": 4_294_967_296_u64}),
        json!([true]),
        json!(true),
        Value::Null,
    ] {
        service.answers(200, answer.to_string());
        let outcome = service.backend.status(&order).await;
        let understood = match outcome {
            Ok(Presence::Present) => Some((true, false)),
            Ok(Presence::Absent) => Some((false, false)),
            Err(BackendError::Pending { .. }) => Some((answer["present"] == true, true)),
            Err(BackendError::Fail(_)) => None,
            other => panic!("{answer}: {other:?}"),
        };
        let said = ANSWER
            .allows(&answer)
            .then(|| (answer["present"] == true, answer["pending"] == true));
        assert_eq!(understood, said, "{answer}");
    }
}

#[tokio::test]
async fn a_diagnosis_and_an_inventory_are_understood_exactly_if_they_follow_the_schema() {
    let service = Service::start("60s").await;
    let order = some_order();
    for answer in [
        json!({}),
        json!({"version": "4.2", "present": ["a"], "missing": ["b"], "unneeded": ["c"]}),
        json!({"version": null, "missing": vec!["x"; 100], "holders": 1}),
        json!({"missing": vec!["x"; 101]}),
        json!({"present": "a"}),
        json!({"present": [1]}),
        json!({"unneeded": null}),
        json!({"version": 4.2}),
        json!({"holders": []}),
        json!({"holders": [{"name": "", "managed": false}]}),
        json!({"holders": [{"name": "alice", "managed": true, "entitlement": "e", "note": 1}]}),
        json!({"holders": [{"name": "alice", "managed": true, "granted_by": null}]}),
        json!({"holders": [{"name": "alice"}]}),
        json!({"holders": [{"managed": true}]}),
        json!({"holders": [{"name": "alice", "managed": "yes"}]}),
        json!({"holders": [{"name": "alice", "managed": true, "entitlement": 1}]}),
        json!({"holders": null}),
        json!({"holders": "alice"}),
        json!(["alice"]),
        Value::Null,
    ] {
        service.answers(200, answer.to_string());
        let outcome = service.diagnose(&[]).await.is_ok();
        assert_eq!(outcome, DIAGNOSIS.allows(&answer), "{answer}");
        let outcome = service.holders(&order).await.is_ok();
        assert_eq!(outcome, INVENTORY.allows(&answer), "{answer}");
    }
}

#[tokio::test]
async fn a_list_that_is_not_whole_is_no_list() {
    let service = Service::start("60s").await;
    let order = some_order();
    let name = "x".repeat(1000);
    let list = |count| {
        let holders = vec![json!({"name": name, "managed": false}); count];
        json!({ "holders": holders }).to_string()
    };
    service.answers(200, list(4000));
    assert_eq!(service.holders(&order).await.expect("a list").len(), 4000);
    for (status, text) in [
        (200, list(4200)),
        (200, list(10).replace("]}", "")),
        (200, String::new()),
        (202, list(10)),
    ] {
        service.answers(status, text);
        let outcome = service.holders(&order).await;
        assert!(matches!(outcome, Err(BackendError::Fail(_))), "{status}");
    }
}

#[tokio::test]
async fn an_action_that_the_service_does_not_support_is_named() {
    let service = Service::start("60s").await;
    let order = some_order();
    service.answers(501, "unknown");
    let [grant, revoke, status] = service.outcomes(&order).await;
    for (outcome, action) in [
        (grant, "grant"),
        (revoke, "revoke"),
        (status, "status"),
        (service.diagnose(&[]).await.map(drop), "diagnose"),
        (service.holders(&order).await.map(drop), "inventory"),
    ] {
        match outcome {
            Err(BackendError::Fail(said)) => assert_eq!(
                said.to_string(),
                format!("this receiver does not support `{action}`")
            ),
            other => panic!("{action}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_left_at_the_time_limit() {
    let service = Service::start("200ms").await;
    let order = some_order();
    service.answers(200, "{\"present\": false");
    lock(&service.kept.answer).stalls = true;
    let outcome = service.backend.status(&order).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );
}

/// What is said there is of no use, so it must not keep access from ending.
#[tokio::test]
async fn the_body_of_an_answer_to_a_revocation_is_not_read() {
    let service = Service::start("60s").await;
    let order = some_order();
    service.answers(200, "x".repeat(1_000_000));
    lock(&service.kept.answer).stalls = true;
    let revoked = service.backend.revoke(&order).await;
    revoked.expect("taken back");
}

#[tokio::test]
async fn what_the_service_says_is_one_clean_line() {
    let service = Service::start("60s").await;
    let order = some_order();
    service.answers(422, "no space\n`handbook`\u{1b}[2J");
    let error = service
        .backend
        .grant(&order, None)
        .await
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the webhook answered 422 Unprocessable Entity: no space `handbook` [2J"
    );
    service.answers(500, "x".repeat(1_000_000));
    let error = service
        .backend
        .grant(&order, None)
        .await
        .expect_err("refused");
    assert!(error.to_string().len() < 500);
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_not_json_is_not_absence() {
    let service = Service::start("60s").await;
    let order = some_order();
    let long = format!("{{\"present\": false, \"x\": \"{}\"}}", "x".repeat(70_000));
    for answer in ["", "{}", "absent", "<html>", &long] {
        service.answers(200, answer);
        let outcome = service.backend.status(&order).await;
        assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_retry_carries_the_same_key_and_a_new_end_another() {
    let service = Service::start("60s").await;
    let mut order = some_order();
    let backend = &service.backend;
    backend.grant(&order, None).await.expect("made");
    backend.grant(&order, None).await.expect("made again");
    order.expires_at += Duration::from_secs(60);
    backend.grant(&order, None).await.expect("extended");
    backend.status(&order).await.expect("status");
    backend.revoke(&order).await.expect("taken back");
    let calls = lock(&service.kept.calls).clone();
    let keys: Vec<_> = calls.iter().map(|(key, _)| key).collect();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    assert_eq!(keys[3], "", "a reading is never answered from memory");
    assert_eq!(
        *keys[4],
        format!("{}/{}/revoke", order.request, order.handle)
    );
}

#[tokio::test]
async fn an_unsafe_address_is_refused_where_it_is_written() {
    let text = "[webhook]\nurl = 'http://access.example.com/'\nsecret = { env = 'SECRET' }";
    let error = toml::from_str::<BackendConfig>(text).expect_err("unsafe");
    assert!(error.to_string().contains("line 2"), "{error}");
    assert!(
        error.to_string().contains("must start with `https://`"),
        "{error}"
    );
}

#[tokio::test]
async fn layers_are_checked_without_secrets() {
    let text = "[postgres]\nurl = { env = 'KEYLEND_TEST_IS_NOT_SET' }";
    let config: BackendConfig = toml::from_str(text).expect("a configuration");
    let params = |value: Value| -> Params { serde_json::from_value(value).expect("an object") };
    assert!(
        config
            .check_layer(&params(json!({"role": "app_writer"})))
            .is_ok()
    );
    assert!(
        config
            .check_layer(&params(json!({"rule": "app_writer"})))
            .is_err()
    );
    let target = config.build(&BackendName::new(NAME), Arc::new(Still));
    let error = target.err().expect("no secret");
    assert!(
        error.to_string().contains("KEYLEND_TEST_IS_NOT_SET"),
        "{error}"
    );
}
