//! The clocks of the replicas' machines, which are set forward and back while the replicas run.
//!
//! A replica acts by a `SteadyClock` over the one of its machine, as the service does, so its time never goes
//! back while it runs. The two things that `serve` adds to that are tested in `tests/service/clocks.rs`: the
//! mark from which a restart continues, and following the machine's clock back once nothing is open.
//!
//! The machines' clocks are off by [`DRIFT`] at most, so two of them differ by less than what Keylend allows
//! for (`CLOCKS_DIFFER`). Its promises hold by the clock of the replica that decides or answers; by the true
//! time, a grant lasts longer by [`APART`] at most.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use keylend::{
    clock::Clock,
    domain::{Span, Time},
};
use tokio::time::sleep;

use crate::{replica::NAMES, seed::VirtualClock};

/// The most by which a clock is off.
pub(crate) const DRIFT: Span = Span::seconds(20);

/// The most by which two clocks differ.
pub(crate) const APART: Span = Span::seconds(40);

/// How long a replica sleeps at most before it looks at its clock again, as the real clock does.
const NAP: Duration = Duration::from_secs(5);

/// One machine's clock.
#[derive(Clone)]
pub(crate) struct HostClock {
    truth: VirtualClock,
    /// By how many milliseconds it is ahead; less than 0 if it is behind.
    ahead: Arc<AtomicI64>,
}

impl Clock for HostClock {
    fn now(&self) -> Time {
        self.truth.now() + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            while let Ok(left) = (moment - self.now()).to_std()
                && !left.is_zero()
            {
                sleep(left.min(NAP)).await;
            }
        })
    }

    fn elapsed(&self) -> Duration {
        self.truth.elapsed()
    }
}

/// The clocks of all machines.
pub(crate) struct Clocks(Vec<HostClock>);

impl Clocks {
    pub(crate) fn new(truth: VirtualClock) -> Self {
        let right = |_: &&str| HostClock {
            truth,
            ahead: Arc::default(),
        };
        Self(NAMES.iter().map(right).collect())
    }

    /// The clock of the machine on which the replica of this name runs.
    pub(crate) fn of(&self, replica: &str) -> HostClock {
        let mut hosts = NAMES.iter().zip(&self.0);
        let host = hosts.find(|(name, _)| **name == replica);
        host.expect("a replica's name").1.clone()
    }

    /// Sets a machine's clock so many milliseconds ahead of the true time.
    pub(crate) fn set(&self, replica: &str, ahead: i64) {
        self.of(replica).ahead.store(ahead, Ordering::Relaxed);
    }

    /// Sets all clocks right.
    pub(crate) fn set_right(&self) {
        for replica in NAMES {
            self.set(replica, 0);
        }
    }
}
