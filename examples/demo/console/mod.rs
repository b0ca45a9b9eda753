//! What is being protected: the console of a production system, with a page to look at.
//!
//! Its door is Keylend's check, asked anew for every visit and every button: there is no session
//! that could outlive a grant. A check that does not answer is a no. Beside it the console keeps
//! a list of its own, which Keylend writes over a signed webhook, as it would make an account or
//! a membership in a real target.

mod list;

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use keylend::clock::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clock::DemoClock;
use list::List;

/// How long the door waits for the check.
const PATIENCE: Duration = Duration::from_secs(2);

const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; frame-ancestors http://127.0.0.1:* http://localhost:*";

/// A running console. Clones are the same one.
#[derive(Clone)]
pub struct Console {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    clock: DemoClock,
    /// Until it is known, nobody enters.
    check: OnceLock<Check>,
    token: String,
    list: List,
    /// Orders of customers that wait for somebody to restart a worker.
    stuck: AtomicU32,
}

/// Where the check is, and the way there.
struct Check {
    url: String,
    http: reqwest::Client,
}

impl Console {
    /// Starts it on loopback. `token` is what it shows to the check, `secret` what orders are
    /// signed with.
    pub async fn start(clock: DemoClock, token: &str, secret: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let console = Self {
            inner: Arc::new(Inner {
                address: listener.local_addr()?,
                list: List::signed_with(secret, clock.clone()),
                clock,
                check: OnceLock::new(),
                token: token.to_owned(),
                stuck: AtomicU32::new(1_204),
            }),
        };
        let routes = Router::new()
            .route("/", get(|| file("text/html", include_str!("index.html"))))
            .route(
                "/console.css",
                get(|| file("text/css", include_str!("console.css"))),
            )
            .route(
                "/console.js",
                get(|| file("text/javascript", include_str!("console.js"))),
            )
            .route("/visit", get(visit))
            .route("/restart", post(restart))
            .with_state(console.clone())
            .nest_service("/orders", console.inner.list.routes());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(console)
    }

    /// Says where Keylend is, whose check is asked from now on.
    pub fn ask(&self, keylend: &str) -> anyhow::Result<()> {
        let check = Check {
            url: format!("{keylend}/access/v1/evaluation"),
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
        };
        self.inner.check.get_or_init(|| check);
        Ok(())
    }

    pub fn address(&self) -> String {
        format!("http://{}/", self.inner.address)
    }

    /// Where Keylend sends its orders.
    pub fn orders_url(&self) -> String {
        format!("{}orders", self.address())
    }

    /// The end of the visitor's grant, if the check says that they may enter.
    async fn admits(&self, visitor: &str) -> anyhow::Result<Option<String>> {
        let Some(check) = self.inner.check.get() else {
            anyhow::bail!("the check is not there yet");
        };
        let question = json!({
            "subject": {"type": "user", "id": format!("{visitor}@example.com")},
            "action": {"name": "enter"},
            "resource": {"type": "scope", "id": "console"},
        });
        let request = check.http.post(&check.url).bearer_auth(&self.inner.token);
        let answer = request.json(&question).send().await?.error_for_status()?;
        let answer: Value = answer.json().await?;
        let end = answer["context"]["expires_at"].as_str();
        Ok(end
            .filter(|_| answer["decision"] == true)
            .map(str::to_owned))
    }
}

#[derive(Deserialize)]
struct Visitor {
    who: String,
}

/// What the visitor finds: the console, or a shut door and why.
async fn visit(
    State(console): State<Console>,
    Query(Visitor { who }): Query<Visitor>,
) -> Json<Value> {
    let admitted = console.admits(&who).await;
    let mut found = json!({
        "open": false,
        "now": console.inner.clock.now().timestamp_millis(),
        "listed": console.inner.list.has(&who, "main"),
    });
    match admitted {
        Ok(Some(end)) => {
            found["open"] = json!(true);
            found["until"] = json!(end);
            found["stuck"] = json!(console.inner.stuck.load(Ordering::Relaxed));
        }
        Ok(None) => found["why"] = json!("no grant"),
        Err(error) => {
            tracing::warn!(%error, "the check did not answer, so the door stays shut");
            found["why"] = json!("no check");
        }
    }
    Json(found)
}

/// The one thing to do in there. It asks again: a page that is open proves nothing.
async fn restart(
    State(console): State<Console>,
    Query(Visitor { who }): Query<Visitor>,
) -> StatusCode {
    match console.admits(&who).await {
        Ok(Some(_)) => {
            console.inner.stuck.store(0, Ordering::Relaxed);
            StatusCode::NO_CONTENT
        }
        Ok(None) => StatusCode::FORBIDDEN,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            CONTENT_SECURITY_POLICY.to_owned(),
        ),
    ];
    (headers, content)
}
