//! What the answers come from.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::token::Tokens;
use crate::{alerts::Alerts, clock::Clock, grants::Grants, metrics::Metrics, store::Store};

/// How long an answer waits for memory to know what is in the log.
pub(super) const CATCH_UP: Duration = Duration::from_millis(250);

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
