//! What is protected: the console of a production system, with a page to look at.
//!
//! Its page checks with Keylend on every visit and every button. There is no session that could
//! outlive a grant, and no answer means no. Below that, the page shows what is active, and what the
//! targets themselves say.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
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

use crate::{clock::DemoClock, database::Database, overview::Overview, receiver::Receiver};

/// How long the console waits for Keylend's answer.
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
    token: String,
    /// The console's accounts, which Keylend keeps.
    accounts: Receiver,
    database: Arc<Database>,
    /// Until it is known, nobody enters.
    keylend: OnceLock<Keylend>,
    /// Orders of customers that wait until somebody restarts the worker.
    stuck: AtomicU32,
}

/// How the console reaches Keylend.
struct Keylend {
    check: String,
    http: reqwest::Client,
    overview: Overview,
}

impl Console {
    /// Starts it on loopback. `token` is what it shows to Keylend's check. Keylend's orders for
    /// `accounts` and for a simulated `database` arrive here too.
    pub async fn start(
        clock: DemoClock,
        token: &str,
        accounts: Receiver,
        database: Arc<Database>,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut routes = Router::new()
            .route("/", get(|| file("text/html", include_str!("index.html"))))
            .route(
                "/console.css",
                get(|| file("text/css", include_str!("console.css"))),
            )
            .route(
                "/console.js",
                get(|| file("text/javascript", include_str!("console.js"))),
            )
            .route(
                "/overview.js",
                get(|| file("text/javascript", include_str!("overview.js"))),
            )
            .route("/visit", get(visit))
            .route("/restart", post(restart))
            .route("/overview", get(overview))
            .nest_service("/targets/console", accounts.routes());
        if let Database::Simulated { receiver, .. } = &*database {
            routes = routes.nest_service("/targets/pg-prod", receiver.routes());
        }
        let console = Self {
            inner: Arc::new(Inner {
                address: listener.local_addr()?,
                clock,
                token: token.to_owned(),
                accounts,
                database,
                keylend: OnceLock::new(),
                stuck: AtomicU32::new(1_204),
            }),
        };
        let routes = routes.with_state(console.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(console)
    }

    /// Says where Keylend is, which is asked from now on.
    pub fn connect(&self, keylend: &str, overview: Overview) -> anyhow::Result<()> {
        let keylend = Keylend {
            check: format!("{keylend}/access/v1/evaluation"),
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            overview,
        };
        self.inner.keylend.get_or_init(|| keylend);
        Ok(())
    }

    pub fn address(&self) -> String {
        format!("http://{}/", self.inner.address)
    }

    /// Where Keylend sends its orders for a target.
    pub fn target_url(&self, target: &str) -> String {
        format!("{}targets/{target}", self.address())
    }

    fn keylend(&self) -> anyhow::Result<&Keylend> {
        self.inner.keylend.get().context("Keylend is not there yet")
    }

    /// The end of the visitor's grant, if Keylend says that they have access.
    async fn admits(&self, visitor: &str) -> anyhow::Result<Option<String>> {
        let keylend = self.keylend()?;
        let question = json!({
            "subject": {"type": "user", "id": format!("{visitor}@example.com")},
            "action": {"name": "write"},
            "resource": {"type": "scope", "id": "db-prod"},
        });
        let request = keylend.http.post(&keylend.check);
        let request = request.bearer_auth(&self.inner.token);
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

/// What the visitor finds: the console, or why it is locked.
async fn visit(
    State(console): State<Console>,
    Query(Visitor { who }): Query<Visitor>,
) -> Json<Value> {
    let admitted = console.admits(&who).await;
    let now = console.inner.clock.now().timestamp_millis();
    Json(match admitted {
        Ok(Some(end)) => json!({
            "open": true,
            "now": now,
            "until": end,
            "stuck": console.inner.stuck.load(Ordering::Relaxed),
        }),
        Ok(None) => json!({"open": false, "why": "no access"}),
        Err(error) => {
            tracing::warn!(%error, "Keylend did not answer, so the console stays locked");
            json!({"open": false, "why": "no answer"})
        }
    })
}

/// The one thing to do in the console. It checks again: an open page proves nothing.
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

/// What is active, and what the targets say.
async fn overview(State(console): State<Console>) -> Result<Json<Value>, StatusCode> {
    let active = match console.keylend() {
        Ok(keylend) => keylend.overview.active().await,
        Err(error) => Err(error),
    };
    let active = active.map_err(|error| {
        tracing::warn!(%error, "the overview cannot be read");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    Ok(Json(json!({
        "active": active,
        "database": console.inner.database.look().await,
        "accounts": console.inner.accounts.members(),
    })))
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
