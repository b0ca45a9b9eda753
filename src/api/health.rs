//! `GET /healthz` and `/readyz`. Neither needs a token: keep them inside.
//!
//! `/healthz` says that the process lives, and nothing else: who restarts Keylend asks there.
//! `/readyz` says whether it can do its work: the store answers, checks follow the log, Slack
//! reaches us, this replica is not kept out of the work by others, and no revocation is stuck. A
//! stuck revocation is access that outlives its grant, so it is as loud as a dead store: 503, with
//! the request's id, until it succeeds. Who only decides where to send traffic asks
//! `/readyz?exclude=stuck`: one dead target must not cut Keylend off from Slack.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Api, CATCH_UP};
use crate::{
    domain::{RequestId, STUCK_FROM},
    store::Stuck,
};

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
}

#[derive(Deserialize)]
struct Asked {
    exclude: Option<Exclude>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Exclude {
    Stuck,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    store: &'static str,
    caught_up: bool,
    slack: bool,
    /// Why Slack does not reach us.
    #[serde(skip_serializing_if = "Option::is_none")]
    slack_trouble: Option<&'static str>,
    /// Why this replica leaves the work to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays_out: Option<String>,
    stuck: Vec<StuckRevocation>,
}

#[derive(Serialize)]
struct StuckRevocation {
    request: RequestId,
    failures: u32,
}

async fn ready(State(api): State<Arc<Api>>, Query(asked): Query<Asked>) -> Response {
    let stuck = stuck(&api).await;
    let caught_up = api.grants.caught_up_within(CATCH_UP).await.is_ok();
    let quiet = asked.exclude == Some(Exclude::Stuck);
    let reach = *api.reach.borrow();
    let stays_out = api.store.stays_out();
    let ready = caught_up
        && reach.is_ok()
        && stays_out.is_none()
        && stuck
            .as_ref()
            .is_some_and(|stuck| quiet || stuck.is_empty());
    let readiness = Readiness {
        ready,
        store: if stuck.is_some() { "ok" } else { "unavailable" },
        caught_up,
        slack: reach.is_ok(),
        slack_trouble: reach.err(),
        stays_out,
        stuck: stuck
            .unwrap_or_default()
            .into_iter()
            .map(|stuck| StuckRevocation {
                request: stuck.request,
                failures: stuck.failures,
            })
            .collect(),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, Json(readiness)).into_response()
}

/// The stuck revocations; nothing if the store does not answer.
pub(super) async fn stuck(api: &Api) -> Option<Vec<Stuck>> {
    match timeout(PATIENCE, api.store.stuck(STUCK_FROM)).await {
        Ok(Ok(stuck)) => Some(stuck),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store does not say what is stuck");
            None
        }
        Err(_) => {
            tracing::warn!("the store does not say in time what is stuck");
            None
        }
    }
}
