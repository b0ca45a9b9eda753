//! Time and randomness, the two things that the rest of the crate takes from outside.
//!
//! The service does not take the machine's clock as it is. A [`SteadyClock`] stands before it, which
//! follows it forward and never back, so that a clock that is set back lengthens nothing.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use chrono::{DurationRound, TimeDelta};

use crate::domain::Time;

/// Where time comes from. Tests move one by hand; nothing in the crate reads another.
pub trait Clock: Send + Sync + 'static {
    /// The moment, cut to the millisecond.
    fn now(&self) -> Time;

    /// Waits until `moment` has come; at once if it has.
    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// How long ago some fixed moment was, by a clock that nobody sets and that may stop while the machine
    /// sleeps. Default: always zero, for a clock without one.
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Waits until `moment` has come by `clock`; for ever if there is none.
pub(crate) async fn until_any(clock: &dyn Clock, moment: Option<Time>) {
    match moment {
        Some(moment) => clock.until(moment).await,
        None => std::future::pending().await,
    }
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

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// Time that does not go back. It follows another clock forward, also when that is set forward or the
/// machine has slept. When the other clock is set back, this one goes on by the time that
/// [elapses](Clock::elapsed), or stands still if the other has none. Reading it takes no lock.
///
/// It goes back in two cases, neither of which lengthens anything: [`follow`](Self::follow), for whoever
/// knows that nothing depends on the later time, and at the end of [`no_earlier_than`](Self::no_earlier_than).
pub struct SteadyClock {
    other: Arc<dyn Clock>,
    /// The most that the other clock was ahead of what had elapsed, in milliseconds.
    ahead: AtomicI64,
    /// The same of the clock that counts too, if that is later; the smallest number if there is none.
    ahead_elsewhere: AtomicI64,
}

impl SteadyClock {
    /// A clock that follows `other`.
    pub fn new(other: Arc<dyn Clock>) -> Self {
        Self {
            other,
            ahead: AtomicI64::new(i64::MIN),
            ahead_elsewhere: AtomicI64::new(i64::MIN),
        }
    }

    /// Goes on from `moment`, if that is later than now.
    pub fn go_on_from(&self, moment: Time) {
        let (_, elapsed) = self.read();
        let ahead = moment.timestamp_millis().saturating_sub(elapsed);
        self.ahead.fetch_max(ahead, Relaxed);
    }

    /// Follows the other clock from where that is now, also back.
    pub fn follow(&self) {
        let (other, elapsed) = self.read();
        self.ahead.store(other.saturating_sub(elapsed), Relaxed);
    }

    /// Is no earlier than a clock that shows `moment` now, until this is called again: with nothing, if
    /// that clock does not count any more.
    pub fn no_earlier_than(&self, moment: Option<Time>) {
        let (_, elapsed) = self.read();
        let ahead = moment.map_or(i64::MIN, |moment| {
            moment.timestamp_millis().saturating_sub(elapsed)
        });
        self.ahead_elsewhere.store(ahead, Relaxed);
    }

    /// The moment by this clock alone, without the one that it is [no earlier](Self::no_earlier_than) than.
    pub fn own(&self) -> Time {
        let (ahead, elapsed) = self.advance();
        time(elapsed.saturating_add(ahead))
    }

    /// What the other clock shows.
    pub fn other(&self) -> Time {
        self.other.now()
    }

    /// The other clock's time, then what has elapsed, in milliseconds. In this order a pause in between
    /// makes the other clock seem earlier, which is never followed.
    fn read(&self) -> (i64, i64) {
        let other = self.other.now().timestamp_millis();
        let elapsed = i64::try_from(self.other.elapsed().as_millis()).unwrap_or(i64::MAX);
        (other, elapsed)
    }

    /// How far this clock is ahead of what has elapsed, and what has.
    fn advance(&self) -> (i64, i64) {
        let (other, elapsed) = self.read();
        let ahead = other.saturating_sub(elapsed);
        let known = self.ahead.load(Relaxed);
        // Nearly always the clock is as far ahead as before, and nothing is written.
        match ahead > known {
            true => (self.ahead.fetch_max(ahead, Relaxed).max(ahead), elapsed),
            false => (known, elapsed),
        }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Time {
        let (ahead, elapsed) = self.advance();
        let ahead = ahead.max(self.ahead_elsewhere.load(Relaxed));
        time(elapsed.saturating_add(ahead))
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // In this order what passes in between makes no wait too short.
            let wait = moment - self.now();
            let began = self.other.elapsed();
            loop {
                // Read before this clock: what passes in between makes the wait shorter.
                let other = self.other.now();
                // Should this clock go back meanwhile, nobody waits longer for that.
                let waited = self.other.elapsed().saturating_sub(began);
                let waited = TimeDelta::from_std(waited).unwrap_or(TimeDelta::MAX);
                let left = (moment - self.now()).min(wait - waited);
                if left <= TimeDelta::zero() {
                    return;
                }
                // If the other clock is set back meanwhile, the nap ends the wait for its moment.
                let reached = self.other.until(other + left);
                let _ = tokio::time::timeout(NAP, reached).await;
            }
        })
    }

    fn elapsed(&self) -> Duration {
        self.other.elapsed()
    }
}

fn time(millis: i64) -> Time {
    Time::from_timestamp_millis(millis).unwrap_or(match millis < 0 {
        true => Time::MIN_UTC,
        false => Time::MAX_UTC,
    })
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A clock that is set by hand: its time and what has elapsed, in milliseconds.
    #[derive(Default)]
    struct ByHand(Mutex<(i64, u64)>);

    impl ByHand {
        fn set(&self, millis: i64) {
            self.0.lock().unwrap().0 = millis;
        }

        fn pass(&self, millis: u64) {
            let mut clock = self.0.lock().unwrap();
            clock.0 += i64::try_from(millis).unwrap();
            clock.1 += millis;
        }
    }

    impl Clock for ByHand {
        fn now(&self) -> Time {
            time(self.0.lock().unwrap().0)
        }

        fn until(&self, _: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::pending())
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.lock().unwrap().1)
        }
    }

    fn steady() -> (Arc<ByHand>, SteadyClock) {
        let other = Arc::new(ByHand::default());
        other.set(1_000_000);
        let clock = SteadyClock::new(other.clone());
        assert_eq!(clock.now(), time(1_000_000));
        (other, clock)
    }

    #[test]
    fn a_clock_that_is_set_forward_is_followed_and_one_that_is_set_back_is_not() {
        let (other, clock) = steady();
        other.pass(500);
        assert_eq!(clock.now(), time(1_000_500));
        other.set(5_000_000);
        assert_eq!(clock.now(), time(5_000_000));
        other.set(2_000_000);
        assert_eq!(clock.now(), time(5_000_000));
        other.pass(1_000);
        assert_eq!(clock.now(), time(5_001_000), "it goes on by what elapses");
        assert_eq!(clock.other(), time(2_001_000));
        other.set(6_000_000);
        assert_eq!(clock.now(), time(6_000_000));
    }

    #[test]
    fn it_goes_on_from_a_later_moment_and_from_no_earlier_one() {
        let (other, clock) = steady();
        clock.go_on_from(time(900_000));
        assert_eq!(clock.now(), time(1_000_000));
        clock.go_on_from(time(1_500_000));
        other.pass(10);
        assert_eq!(clock.now(), time(1_500_010));
        clock.follow();
        assert_eq!(clock.now(), time(1_000_010));
    }

    #[test]
    fn another_clock_counts_only_while_it_is_later_and_until_it_is_taken_away() {
        let (other, clock) = steady();
        clock.no_earlier_than(Some(time(400_000)));
        assert_eq!(clock.now(), time(1_000_000));
        clock.no_earlier_than(Some(time(1_400_000)));
        other.pass(10);
        assert_eq!(clock.now(), time(1_400_010));
        assert_eq!(clock.own(), time(1_000_010));
        clock.no_earlier_than(None);
        assert_eq!(clock.now(), time(1_000_010));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_woken_at_the_moment_although_the_clock_was_set_back() {
        let (other, clock) = steady();
        let moving = async {
            tokio::task::yield_now().await;
            other.set(0);
            other.pass(60_000);
        };
        let waiting = tokio::time::timeout(NAP * 2, clock.until(time(1_060_000)));
        let (waited, ()) = tokio::join!(waiting, moving);
        assert!(waited.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_does_not_wait_longer_when_the_clock_goes_back() {
        let (other, clock) = steady();
        other.set(5_000_000);
        assert_eq!(clock.now(), time(5_000_000));
        let moving = async {
            tokio::task::yield_now().await;
            other.set(1_000_000);
            clock.follow();
            other.pass(60_000);
        };
        let waiting = tokio::time::timeout(NAP * 2, clock.until(time(5_060_000)));
        let (waited, ()) = tokio::join!(waiting, moving);
        assert!(waited.is_ok());
        assert_eq!(clock.now(), time(1_060_000));
    }
}
