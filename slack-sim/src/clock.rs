//! The simulator's time: given by the caller, so that tests can move it by hand.
//!
//! Signatures, trigger expiry and response URL expiry follow this clock. How long an app takes to
//! answer is measured in real time, because the app is a real server.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// Tells the simulator what time it is.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The machine's own time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the simulator reads the machine's time"
)]
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// How far a clock may be moved in all, so that no sum of times leaves the calendar.
const FARTHEST: TimeDelta = TimeDelta::days(100 * 365);

/// The machine's time, and however much it was moved ahead. Clones are the same clock.
///
/// ```
/// # use slack_sim::{MovableClock, Sim, Workspace};
/// # async fn example() {
/// let time = MovableClock::default();
/// let sim = Sim::start_with_clock(Workspace::new(), time.clock()).await;
/// sim.let_time_be_moved(move |by| time.advance(by));
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MovableClock {
    ahead_micros: Arc<AtomicI64>,
}

impl MovableClock {
    /// What a [`Sim`](crate::Sim) is started with.
    pub fn clock(&self) -> Clock {
        let (ahead, machine) = (self.ahead_micros.clone(), system_clock());
        Arc::new(move || machine() + TimeDelta::microseconds(ahead.load(Ordering::Relaxed)))
    }

    /// Moves it, a century in all at most.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        let farthest = FARTHEST.num_microseconds().unwrap_or(i64::MAX);
        let moved = |ahead: i64| Some(ahead.saturating_add(by).min(farthest));
        let ahead = &self.ahead_micros;
        // There always is a value to move it to.
        let _ = ahead.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }
}

/// Writes microseconds since the epoch as Slack writes message times: `1755000000.000100`.
pub(crate) fn ts(micros: i64) -> String {
    format!(
        "{}.{:06}",
        micros.div_euclid(1_000_000),
        micros.rem_euclid(1_000_000)
    )
}

/// Waits until the clock shows `when`, for ever if there is none.
///
/// A clock that is moved by hand wakes nobody, so it is looked at after every change of the
/// workspace ([`Sim::clock_moved`](crate::Sim::clock_moved) is one), and once as much time has passed
/// on the machine as is missing.
pub(crate) async fn reach(
    clock: &Clock,
    changes: &mut watch::Receiver<u64>,
    when: Option<DateTime<Utc>>,
) {
    let Some(when) = when else {
        return pending().await;
    };
    loop {
        let missing = when - clock();
        let Some(missing) = missing.to_std().ok().filter(|missing| !missing.is_zero()) else {
            return;
        };
        // A clock that stands just before `when` is not to keep the machine busy.
        let pause = tokio::time::sleep(missing.max(Duration::from_millis(50)));
        tokio::select! {
            () = pause => {}
            changed = changes.changed() => if changed.is_err() {
                // The simulator has gone, and time with it.
                return pending().await;
            }
        }
    }
}
