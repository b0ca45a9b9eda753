//! What services and operators ask over HTTP: checks, health, metrics.
//!
//! Only checks need a bearer token. Health and metrics name no person and no scope, but they are
//! for the inside: let the proxy in front of Keylend pass `/slack/` and, if gateways outside need
//! it, `/access/`. Nothing here changes state.

mod evaluation;
mod health;
mod metrics;
mod problem;
mod token;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub use token::Tokens;

use crate::{
    alerts::Alerts, clock::Clock, grants::Grants, metrics::Metrics, routes::Routes, store::Store,
};

/// How long an answer waits for memory to know what is in the log.
const CATCH_UP: Duration = Duration::from_millis(250);

/// What the answers come from.
pub struct Api {
    /// The grants that are usable now; whoever composes the program runs its follower.
    pub grants: Arc<Grants>,
    /// Asked by `/readyz` and `/metrics` alone.
    pub store: Arc<dyn Store>,
    /// What expiry is compared with.
    pub clock: Arc<dyn Clock>,
    /// Where checks are counted.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` lists as degraded.
    pub alerts: Arc<Alerts>,
    /// Who may ask.
    pub tokens: Tokens,
    /// Whether Slack reaches us, or why not: then nothing that people do there is answered.
    pub reach: watch::Receiver<Result<(), &'static str>>,
}

/// The routes. Time limits and catching panics are the business of the whole program's front.
pub fn routes(api: Api) -> Routes {
    Routes::default()
        .merge(evaluation::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .with_state(Arc::new(api))
}
