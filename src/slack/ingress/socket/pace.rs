//! How often connections are opened. `apps.connections.open` is Tier 1, about once a minute: a few
//! at once are tolerated, for a start and a refresh, and have to be saved up again.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;

use crate::{
    clock::{Clock, Entropy},
    domain::{Span, Time, backoff},
};

/// What one opening costs.
const EACH: TimeDelta = TimeDelta::minutes(1);

/// How far ahead of that openings may be: five come at once.
const AHEAD: TimeDelta = TimeDelta::minutes(4);

/// How long to wait after failures: the first time, and at most.
const FAILED: (Span, Span) = (Span::seconds(10), Span::minutes(2));

/// How long to wait while Socket Mode is switched off: people have to switch it on.
const SWITCHED_OFF: Span = Span::minutes(5);

/// When the next connection may be opened.
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    paid_until: Option<Time>,
    failures: u32,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            clock,
            entropy,
            paid_until: None,
            failures: 0,
        }
    }

    /// Waits until a connection may be opened, and counts it.
    pub(super) async fn turn(&mut self) {
        let asked = self.clock.now();
        // A clock that was set back must not make us wait for the time in between.
        let paid = self.paid_until.unwrap_or(asked).min(asked + AHEAD + EACH);
        self.clock.until(paid - AHEAD).await;
        self.paid_until = Some(paid.max(self.clock.now()) + EACH);
    }

    /// Notes that a connection was opened.
    pub(super) fn opened(&mut self) {
        self.failures = 0;
    }

    /// Waits after a failure, for as long as Slack asked to at least.
    pub(super) async fn after_failure(&mut self, asked: Option<Duration>) {
        self.failures += 1;
        let wait = backoff(self.failures, FAILED.0, FAILED.1, self.entropy.byte());
        // Slack's own wait is for everybody, so it is stretched rather than cut.
        let asked = asked.map(|asked| asked + wait / 8);
        self.wait(wait.max(asked.unwrap_or_default())).await;
    }

    /// Waits while Socket Mode is switched off.
    pub(super) async fn while_switched_off(&self) {
        self.wait(backoff(1, SWITCHED_OFF, SWITCHED_OFF, self.entropy.byte()))
            .await;
    }

    async fn wait(&self, wait: Duration) {
        self.clock.until(self.clock.now() + wait).await;
    }
}
