//! What the answers come from.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::token::Tokens;
use crate::{alerts::Alerts, clock::Clock, grants::Grants, metrics::Metrics, store::Store};

/// How long a check waits until this replica is up to date with the log.
pub(super) const CATCH_UP: Duration = Duration::from_millis(250);

/// The state that the API's handlers share.
pub struct Api {
    /// The grants that are usable now. The caller has to run their follower.
    pub grants: Arc<Grants>,
    /// The store, which only `/readyz` and `/metrics` read.
    pub store: Arc<dyn Store>,
    /// The clock that expiry is compared with.
    pub clock: Arc<dyn Clock>,
    /// The metrics that count checks.
    pub metrics: Arc<Metrics>,
    /// The alerts that `/readyz` lists as `degraded`.
    pub alerts: Arc<Alerts>,
    /// The tokens that may send checks.
    pub tokens: Tokens,
    /// Whether Slack can reach this replica, or why not.
    pub reach: watch::Receiver<Result<(), &'static str>>,
}
