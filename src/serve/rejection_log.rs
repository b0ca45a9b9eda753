//! What is told of those who were turned away: every one is counted, and of each reason a line is
//! logged at most every ten seconds, with how many there were. A flood does not fill the disk.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::address::Peer;
use crate::metrics::{Metrics, Rejection};

/// How long after a line the next of the same reason may follow.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts and logs who was turned away.
pub(super) struct RejectionLog {
    metrics: Arc<Metrics>,
    last: Mutex<HashMap<Rejection, Last>>,
}

/// The last line of a reason, and those turned away that no line has told of.
struct Last {
    at: Instant,
    untold: u64,
}

impl RejectionLog {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            last: Mutex::default(),
        }
    }

    /// Notes one who was turned away.
    pub(super) fn note(&self, reason: Rejection, peer: Option<Peer>, why: &dyn fmt::Display) {
        self.metrics.rejected(reason);
        let Some(count) = self.due(reason) else {
            return;
        };
        tracing::warn!(
            reason = reason.label(),
            client.address = peer.map(|peer| tracing::field::display(peer.address())),
            error = %why,
            count,
            "rejected; `count` is the number since the last such message"
        );
    }

    /// Notes how many connections there are.
    pub(super) fn connections(&self, count: usize) {
        self.metrics.connections(count);
    }

    /// How many there were since the last line; nothing if it is too early for another.
    fn due(&self, reason: Rejection) -> Option<u64> {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = last.get_mut(&reason) else {
            last.insert(reason, Last { at: now, untold: 0 });
            return Some(1);
        };
        last.untold += 1;
        if now.duration_since(last.at) < PAUSE {
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.untold))
    }
}
