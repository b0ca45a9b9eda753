//! Time and chance: the one is Tokio's paused clock, the other follows from the seed.

use std::{
    future::Future,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use keylend::{
    clock::{Clock, Entropy},
    domain::Time,
};
use tokio::time::Instant;

/// Everything that is left to chance in one history, in the order in which it is asked.
pub(crate) struct Rng(Mutex<fastrand::Rng>);

impl Rng {
    pub(crate) fn of(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// Whether what happens once in `often` times happens now; never for 0.
    pub(crate) fn once_in(&self, often: u32) -> bool {
        often > 0 && self.0.lock().unwrap().u32(0..often) == 0
    }

    pub(crate) fn below(&self, number: usize) -> usize {
        self.0.lock().unwrap().usize(0..number)
    }

    pub(crate) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(crate) fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.0.lock().unwrap().u64(range))
    }
}

impl Entropy for Rng {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// Tokio's clock, paused: it moves when everybody waits, to the next moment that somebody waits
/// for.
#[derive(Clone, Copy)]
pub(crate) struct VirtualClock {
    start: Instant,
}

impl VirtualClock {
    /// A clock that begins now, in January 2027.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// How long the history has gone on.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        let began = Time::from_timestamp_millis(1_800_000_000_000).expect("a time");
        let millis = i64::try_from(self.elapsed().as_millis()).expect("a short history");
        began + TimeDelta::milliseconds(millis)
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if let Ok(left) = (moment - self.now()).to_std() {
                tokio::time::sleep(left).await;
            }
        })
    }
}
