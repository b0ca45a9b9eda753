//! A service over HTTP that checks signatures and keeps who has access.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::post,
};
use hmac::{Hmac, KeyInit, Mac};
use keylend::{
    backend::{Backend, BackendConfig, BackendError, Order},
    clock::Clock,
    domain::{Params, Time},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{net::TcpListener, sync::oneshot};

use crate::subject::{Subject, order};

const SECRET: &str = "shared-with-the-service";

/// The moment at which all of this happens.
const NOW: i64 = 1_793_613_600;

pub(crate) struct Service {
    address: SocketAddr,
    state: Arc<Kept>,
    running: Mutex<Option<Running>>,
    backend: Arc<dyn Backend>,
}

struct Running {
    stop: oneshot::Sender<()>,
    stopped: tokio::task::JoinHandle<()>,
}

/// What the service knows.
#[derive(Default)]
struct Kept {
    /// Until when, by entitlement.
    access: Mutex<BTreeMap<String, String>>,
    /// Every `Idempotency-Key`, in order; empty where there was none.
    keys: Mutex<Vec<String>>,
    /// What it does instead of its work.
    mood: Mutex<Mood>,
}

#[derive(Clone, Default)]
enum Mood {
    #[default]
    Well,
    Silent,
    Answers(StatusCode, String),
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
    lock(&kept.keys).push(header("Idempotency-Key").unwrap_or_default().to_owned());

    let mood = lock(&kept.mood).clone();
    match mood {
        Mood::Well => {}
        Mood::Silent => std::future::pending().await,
        Mood::Answers(status, text) => {
            return (status, [(LOCATION, "/elsewhere")], text).into_response();
        }
    }
    let document: Value = serde_json::from_slice(&body).expect("JSON");
    let text = |key: &str| document[key].as_str().expect("text").to_owned();
    let mut access = lock(&kept.access);
    match document["action"].as_str() {
        Some("grant") => drop(access.insert(text("entitlement"), text("expires_at"))),
        Some("revoke") => drop(access.remove(&text("entitlement"))),
        Some("status") => {
            let present = access.contains_key(&text("entitlement"));
            return json!({ "present": present }).to_string().into_response();
        }
        _ => return StatusCode::BAD_REQUEST.into_response(),
    }
    StatusCode::NO_CONTENT.into_response()
}

impl Service {
    fn run(&self, listener: TcpListener) {
        let app = Router::new()
            .route("/keylend", post(serve))
            .with_state(Arc::clone(&self.state));
        let (stop, stopping) = oneshot::channel();
        // It has stopped when the connections that clients keep open are closed too.
        let server = axum::serve(listener, app).with_graceful_shutdown(async move {
            let _ = stopping.await;
        });
        let stopped = tokio::spawn(async move { server.await.expect("it serves") });
        *lock(&self.running) = Some(Running { stop, stopped });
    }

    fn answers(&self, status: u16, text: impl Into<String>) {
        let status = StatusCode::from_u16(status).expect("a status");
        *lock(&self.state.mood) = Mood::Answers(status, text.into());
    }
}

impl Subject for Service {
    const CONFIG: &str =
        "[webhook]\nurl = 'https://access.example.com/'\nsecret = { env = 'UNSET' }";

    async fn start(limit: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let service = Self {
            address,
            state: Arc::default(),
            running: Mutex::default(),
            backend: webhook(address, SECRET, limit),
        };
        service.run(listener);
        service
    }

    fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    async fn order(&self, username: &str) -> Order {
        order(username, json!({"space": "handbook", "roles": ["editor"]}))
    }

    fn password(&self, _: &Order) -> Option<SecretString> {
        None
    }

    async fn works(&self, order: &Order) -> bool {
        let entitlement = self.backend.entitlement(order);
        lock(&self.state.access).contains_key(entitlement.as_str())
    }

    async fn end(&self, order: &Order) -> Option<Time> {
        let entitlement = self.backend.entitlement(order);
        let access = lock(&self.state.access);
        Some(access[entitlement.as_str()].parse().expect("RFC 3339"))
    }

    async fn stop(&self) {
        let running = lock(&self.running).take().expect("it runs");
        running.stop.send(()).expect("it listens");
        running.stopped.await.expect("it stops");
    }

    async fn start_again(&self) {
        self.run(
            TcpListener::bind(self.address)
                .await
                .expect("the port is free"),
        );
    }

    fn hang(&self) {
        *lock(&self.state.mood) = Mood::Silent;
    }

    fn wrong_params() -> Vec<(Value, Option<&'static str>)> {
        Vec::new()
    }
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

fn webhook(address: SocketAddr, secret: &str, limit: &str) -> Arc<dyn Backend> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), secret).expect("a file of ours");
    let config: BackendConfig = toml::from_str(&format!(
        "[webhook]\nurl = 'http://{address}/keylend'\nsecret = {{ file = '{}' }}\ntimeout = '{limit}'",
        file.path().display()
    ))
    .expect("a configuration");
    config.build(Arc::new(Still)).expect("a target")
}

#[tokio::test]
async fn a_call_signed_with_another_secret_is_refused_by_the_service() {
    let service = Service::start("60s").await;
    let order = service.order("alice").await;
    let stranger = webhook(service.address, "another", "60s");
    let outcome = stranger.grant(&order, None).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
    assert!(!service.works(&order).await);
}

#[tokio::test]
async fn the_status_says_whether_trying_again_makes_sense() {
    let service = Service::start("60s").await;
    let order = service.order("alice").await;
    for status in [408, 425, 429, 500, 503] {
        service.answers(status, "");
        let outcome = service.backend.grant(&order, None).await;
        assert!(
            matches!(outcome, Err(BackendError::Retry(_))),
            "{status}: {outcome:?}"
        );
    }
    for status in [302, 307, 400, 401, 404, 410, 422] {
        service.answers(status, "");
        for outcome in [
            service.backend.grant(&order, None).await,
            service.backend.revoke(&order).await,
            service.backend.status(&order).await.map(drop),
        ] {
            assert!(
                matches!(outcome, Err(BackendError::Fail(_))),
                "{status}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_the_service_says_is_one_clean_line() {
    let service = Service::start("60s").await;
    let order = service.order("alice").await;
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
    let order = service.order("alice").await;
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
    let mut order = service.order("alice").await;
    let backend = &service.backend;
    backend.grant(&order, None).await.expect("made");
    backend.grant(&order, None).await.expect("made again");
    order.expires_at += Duration::from_secs(60);
    backend.grant(&order, None).await.expect("extended");
    backend.status(&order).await.expect("status");
    backend.revoke(&order).await.expect("taken back");
    let keys = lock(&service.state.keys).clone();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    assert_eq!(keys[3], "", "a reading is never answered from memory");
    assert_eq!(
        keys[4],
        format!("{}/{}/revoke", order.request, order.handle)
    );
}

#[tokio::test]
async fn an_unsafe_address_is_refused_where_it_is_written() {
    let text = "[webhook]\nurl = 'http://access.example.com/'\nsecret = { env = 'SECRET' }";
    let error = toml::from_str::<BackendConfig>(text).expect_err("unsafe");
    assert!(error.to_string().contains("line 2"), "{error}");
    assert!(
        error.to_string().contains("only `https://` is safe"),
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
    let error = config.build(Arc::new(Still)).err().expect("no secret");
    assert!(
        error.to_string().contains("KEYLEND_TEST_IS_NOT_SET"),
        "{error}"
    );
}
