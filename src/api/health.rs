//! `GET /healthz` and `/readyz`. Neither needs a token: keep them inside.
//!
//! `/healthz` says that the process lives, and nothing else: who restarts Keylend asks there.
//! `/readyz` says whether this replica can serve: 200 if it can answer people and gateways, 503 if
//! it cannot. It cannot while the store does not answer or cannot be written as a whole, checks do not
//! follow the log, Slack does not reach it, or it is on standby: because of another replica, or because
//! its clock differs from the store's. Everything else that somebody has to look at (a target that fails
//! to revoke, a channel or a group that Slack does not know) is listed in `degraded` and changes no
//! status: it concerns every replica alike, and taking all of them out of Slack would leave nobody to end
//! the access.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::TimeDelta;
use serde::Serialize;
use tokio::time::timeout;

use super::state::{Api, CATCH_UP};
use crate::{
    domain::RequestId,
    routes::{Authentication, Routes},
    store::{Stuck, Writable},
};

/// How long an end may take to be recorded: many may come at once.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Routes<Arc<Api>> {
    Routes::default()
        .route("/healthz", Authentication::None, get(async || "ok\n"))
        .route("/readyz", Authentication::None, get(ready))
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    store: &'static str,
    /// The number of grants that ended more than a minute ago and that are not recorded as ended.
    overdue: usize,
    caught_up: bool,
    slack: bool,
    /// Why Slack cannot reach this replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    slack_error: Option<&'static str>,
    /// Why this replica is on standby.
    #[serde(skip_serializing_if = "Option::is_none")]
    standby_reason: Option<String>,
    /// The alerts that are raised on this replica, by name.
    degraded: Vec<String>,
    stuck: Vec<StuckRevocation>,
}

#[derive(Serialize)]
struct StuckRevocation {
    request: RequestId,
    failures: u32,
}

async fn ready(State(api): State<Arc<Api>>) -> Response {
    let stuck = stuck(&api).await;
    let caught_up = api.grants.caught_up_within(CATCH_UP).await.is_ok();
    let reach = *api.reach.borrow();
    let standby_reason = api.store.standby_reason();
    let store = match (&stuck, *api.store.writable().borrow()) {
        (None, _) => "unavailable",
        (Some(_), Writable::Nothing) => "read_only",
        (Some(_), Writable::EndsOnly) => "disk_full",
        (Some(_), Writable::Everything) => "ok",
    };
    let ready = caught_up && reach.is_ok() && standby_reason.is_none() && store == "ok";
    let readiness = Readiness {
        ready,
        store,
        overdue: overdue(&api),
        caught_up,
        slack: reach.is_ok(),
        slack_error: reach.err(),
        standby_reason,
        degraded: api.alerts.raised().into_keys().collect(),
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

/// The number of grants that are overdue: over, and not recorded as ended in time.
pub(super) fn overdue(api: &Api) -> usize {
    api.grants.ended_before(api.clock.now() - GRACE)
}

/// The grants that a target failed to revoke. `None` if the store does not answer.
pub(super) async fn stuck(api: &Api) -> Option<Vec<Stuck>> {
    match timeout(PATIENCE, api.store.stuck(1)).await {
        Ok(Ok(stuck)) => Some(stuck),
        Ok(Err(error)) => {
            tracing::warn!(%error, "failed to read stuck requests from the store");
            None
        }
        Err(_) => {
            tracing::warn!("failed to read stuck requests from the store in time");
            None
        }
    }
}
