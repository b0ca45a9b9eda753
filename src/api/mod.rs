//! What services and operators ask over HTTP: checks, health, metrics.
//!
//! Only checks need a bearer token. Health and metrics name no person and no scope, but they are
//! for the inside: let the proxy in front of Keylend pass `/slack/` and, if gateways outside need
//! it, `/access/`. Nothing here changes state.

mod evaluation;
mod health;
mod metrics;
mod problem;
mod state;
mod token;

use std::sync::Arc;

pub use state::Api;
pub use token::Tokens;

use crate::routes::Routes;

/// The routes. Time limits and catching panics are the business of the whole program's front.
pub fn routes(api: Api) -> Routes {
    Routes::default()
        .merge(evaluation::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .with_state(Arc::new(api))
}
