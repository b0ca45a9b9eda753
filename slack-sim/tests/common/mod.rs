//! A workspace, an app that answers as a test tells it to, and a clock moved by hand.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

pub(crate) mod socket;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use slack_sim::{Channel, Clock, Kind, Person, Sim, Workspace};
use tokio::sync::Notify;

/// Alice and Bob, members; Gus, a guest; Sue, from T9OTHER; a shared and a private channel.
pub(crate) fn workspace() -> Workspace {
    let everybody = ["U0ALICE", "U0BOB", "U0GUS", "U0SUE"];
    Workspace::new()
        .person(Person::member("U0ALICE", "alice").real_name("Alice Liddell"))
        .person(Person::member("U0BOB", "bob"))
        .person(Person::new("U0GUS", "gus", Kind::SingleChannelGuest))
        .person(Person::stranger("U0SUE", "sue", "T9OTHER"))
        .person(Person::new("U0GONE", "gone", Kind::Deactivated))
        .group("S0DBA", "dba", ["U0BOB"])
        .channel(Channel::new("C0DBA", "dba-approvals", everybody).shared())
        .channel(Channel::new("C0PRIV", "private", ["U0ALICE"]).private())
        .channel(Channel::new("C0OLD", "old", ["U0ALICE"]).archived())
        .channel(Channel::new("C0OUT", "elsewhere", ["U0ALICE"]).without_bot())
}

/// A clock that stands at 1755000000 until it is moved.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_755_000_000_000)))
    }
    pub(crate) fn clock(&self) -> Clock {
        let millis = self.0.clone();
        Arc::new(move || {
            let millis = millis.load(Ordering::SeqCst);
            DateTime::<Utc>::from_timestamp_millis(millis).unwrap()
        })
    }
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

/// What the app received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    pub(crate) fn form(&self) -> Value {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.body).unwrap();
        pairs
            .into_iter()
            .map(|(k, v)| (k, Value::from(v)))
            .collect()
    }
    pub(crate) fn payload(&self) -> Value {
        serde_json::from_str(self.form()["payload"].as_str().unwrap()).unwrap()
    }
}

/// An app that keeps what it gets and gives the answers it was told to, in order, then empty 200s.
#[derive(Clone, Default)]
pub(crate) struct App {
    /// Such as `http://127.0.0.1:40001`.
    pub(crate) address: String,
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    pub(crate) go_on: Arc<Notify>,
}

/// What the app answers next.
enum Answer {
    Now(StatusCode, &'static str, String),
    /// With this header, a failure that is not to be retried.
    NeverAgain(StatusCode),
    /// Not before [`App::go_on`].
    Later,
}

impl App {
    pub(crate) async fn start(sim: &Sim) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let router = Router::new().fallback(receive).with_state(app.clone());
        sim.connect(&app.address);
        tokio::spawn(async move { axum::serve(listener, router).await });
        app
    }
    pub(crate) fn last(&self) -> Received {
        self.received.lock().unwrap().last().unwrap().clone()
    }
    pub(crate) fn will_answer(&self, json: Value) {
        let answer = Answer::Now(StatusCode::OK, "application/json", json.to_string());
        self.answers.lock().unwrap().push_back(answer);
    }
    pub(crate) fn will_say(&self, status: u16, text: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer::Now(status, "text/plain", text.to_owned());
        self.answers.lock().unwrap().push_back(answer);
    }
    /// Answers the next request when `go_on` is notified.
    pub(crate) fn will_wait(&self) {
        self.answers.lock().unwrap().push_back(Answer::Later);
    }
    /// Answers with a failure and `X-Slack-No-Retry: 1`.
    pub(crate) fn will_fail_for_good(&self) {
        let answer = Answer::NeverAgain(StatusCode::SERVICE_UNAVAILABLE);
        self.answers.lock().unwrap().push_back(answer);
    }
    /// Everything received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn receive(
    State(app): State<App>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    app.received.lock().unwrap().push(Received {
        path: uri.path().to_owned(),
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let answer = app.answers.lock().unwrap().pop_front();
    match answer {
        Some(Answer::Now(status, kind, body)) => {
            (status, [(CONTENT_TYPE, kind)], body).into_response()
        }
        Some(Answer::NeverAgain(status)) => (status, [("x-slack-no-retry", "1")]).into_response(),
        Some(Answer::Later) => {
            app.go_on.notified().await;
            "late".into_response()
        }
        None => StatusCode::OK.into_response(),
    }
}

/// A plain HTTP answer.
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Http {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) async fn post(
    url: &str,
    content_type: &str,
    token: Option<&str>,
    body: String,
) -> Result<Http, String> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", content_type)];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    send("POST", url, &headers, body).await
}

pub(crate) async fn get(url: &str) -> Http {
    send("GET", url, &[], String::new()).await.unwrap()
}

/// A request with exactly these headers, and a host if it is not among them.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Result<Http, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response = client
        .request(request)
        .await
        .map_err(|e| format!("{e:?}"))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Ok(Http {
        status,
        headers,
        body,
    })
}

/// Calls a method with a JSON body and the right token.
pub(crate) async fn api(sim: &Sim, method: &str, args: Value) -> Value {
    let url = format!("{}{method}", sim.api_url());
    let token = sim.bot_token();
    let body = args.to_string();
    let answer = post(&url, "application/json; charset=utf-8", Some(&token), body).await;
    answer.unwrap().json()
}

/// Calls a method with a form body and the right token.
pub(crate) async fn api_form(sim: &Sim, method: &str, fields: &[(&str, &str)]) -> Value {
    let url = format!("{}{method}", sim.api_url());
    let token = sim.bot_token();
    let body = serde_urlencoded::to_string(fields).unwrap();
    let kind = "application/x-www-form-urlencoded";
    post(&url, kind, Some(&token), body).await.unwrap().json()
}

/// A text and one button.
pub(crate) fn card(value: &str) -> Value {
    json!([
        {"type": "section", "block_id": "what", "text": {"type": "mrkdwn", "text": "db-prod:write"}},
        {"type": "actions", "block_id": "decide", "elements": [
            {"type": "button", "action_id": "approve", "style": "primary", "value": value,
             "text": {"type": "plain_text", "text": "Approve 30 min"}},
            {"type": "button", "action_id": "deny", "value": value,
             "text": {"type": "plain_text", "text": "Deny"}},
        ]},
    ])
}

/// A modal with a search, a choice that tells the app at once, and a reason.
pub(crate) fn modal() -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let option = |text: &str, value: &str| json!({"text": plain(text), "value": value});
    json!({
        "type": "modal",
        "callback_id": "request",
        "title": plain("Request access"),
        "submit": plain("Request"),
        "private_metadata": "C0DBA",
        "notify_on_close": true,
        "blocks": [
            {"type": "input", "block_id": "scope", "label": plain("Scope"), "dispatch_action": true,
             "element": {"type": "external_select", "action_id": "scope", "min_query_length": 0}},
            {"type": "input", "block_id": "duration", "label": plain("Duration"),
             "element": {"type": "static_select", "action_id": "duration",
                "initial_option": option("30 min", "30m"),
                "options": [option("30 min", "30m"), option("1 hour", "1h")]}},
            {"type": "input", "block_id": "reason", "label": plain("Reason"),
             "element": {"type": "plain_text_input", "action_id": "reason", "max_length": 20}},
        ],
    })
}
