//! Time and randomness, the two things that the rest of the crate takes from outside.

use std::{future::Future, pin::Pin, time::Duration};

use chrono::{DurationRound, TimeDelta};

use crate::domain::Time;

/// Where time comes from. Tests move one by hand; nothing in the crate reads another.
pub trait Clock: Send + Sync + 'static {
    /// The moment, cut to the millisecond.
    fn now(&self) -> Time;

    /// Waits until `moment` has come; at once if it has.
    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The longest single sleep: a clock that was set anew is noticed within it.
const NAP: Duration = Duration::from_secs(5);

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Time {
        let now = chrono::Utc::now();
        now.duration_trunc(TimeDelta::milliseconds(1))
            .unwrap_or(now)
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            while let Ok(left) = (moment - self.now()).to_std()
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(NAP)).await;
            }
        })
    }
}

/// Where randomness comes from: passwords, nonces and jitter.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);

    /// One such byte.
    fn byte(&self) -> u8 {
        let mut byte = [0];
        self.fill(&mut byte);
        byte[0]
    }

    /// `pause`, and at most that again by chance: what pauses together does not go on together.
    fn jittered(&self, pause: Duration) -> Duration {
        pause.mul_f64(1.0 + f64::from(self.byte()) / 255.0)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's entropy"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
