//! `GET /metrics` for Prometheus. It needs no token and names nobody: keep it inside.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    health,
    state::{Api, CATCH_UP},
};
use crate::routes::{Authentication, Routes};

/// The OpenMetrics text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Routes<Arc<Api>> {
    Routes::default().route("/metrics", Authentication::None, get(metrics))
}

async fn metrics(State(api): State<Arc<Api>>) -> Response {
    // Without an answer the last figure stands; `/readyz` says that the store is away.
    if let Some(stuck) = health::stuck(&api).await {
        api.metrics.stuck(stuck.len() + health::overdue(&api));
    }
    api.metrics
        .alerts(api.alerts.raised().into_keys().collect());
    // As of now, if memory soon knows what is in the log; otherwise as of a moment ago.
    let _ = api.grants.caught_up_within(CATCH_UP).await;
    api.metrics.active(api.grants.active());
    let head = *api.store.head().borrow();
    api.metrics.log(head, api.grants.applied());
    match api.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "failed to encode the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
