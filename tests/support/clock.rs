//! A clock that stands still until a test moves it.
//!
//! Self-contained: a test file takes it with `#[path = "support/clock.rs"] mod clock;`. Whoever
//! waits in [`Clock::until`] is woken by the move that reaches their moment, so tests say
//! "an hour later" and never sleep. Time elapses when it is advanced, and not when it is set.

#![allow(dead_code, reason = "a test file uses what it needs of it")]

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use chrono::{DurationRound, TimeDelta};
use keylend::{clock::Clock, domain::Time};
use tokio::sync::watch;

/// A clock that stands still until it is moved. Shared by its `Arc`.
pub(crate) struct TestClock {
    now: watch::Sender<(Time, Duration)>,
}

impl TestClock {
    /// A clock that shows `start`, RFC 3339.
    pub(crate) fn at(start: &str) -> Arc<Self> {
        let now = cut(start.parse().expect("a test names its moments in RFC 3339"));
        Arc::new(Self {
            now: watch::Sender::new((now, Duration::ZERO)),
        })
    }

    /// Moves the clock on, and wakes those whose moment has come.
    pub(crate) fn advance(&self, by: Duration) {
        self.now.send_modify(|(now, elapsed)| {
            *now = cut(*now + by);
            *elapsed += by;
        });
    }

    /// Moves the clock to `moment`, also backwards, as an administrator may.
    pub(crate) fn set(&self, moment: Time) {
        self.now.send_modify(|(now, _)| *now = cut(moment));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        self.now.borrow().0
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Subscribed here, not when first polled: a move right after the call is not missed.
        let mut now = self.now.subscribe();
        Box::pin(async move {
            now.wait_for(|(now, _)| *now >= moment)
                .await
                .expect("the clock outlives those who wait for it");
        })
    }

    fn elapsed(&self) -> Duration {
        self.now.borrow().1
    }
}

/// As the crate counts time, to the millisecond.
fn cut(moment: Time) -> Time {
    moment
        .duration_trunc(TimeDelta::milliseconds(1))
        .expect("a test's moment is within reach")
}
