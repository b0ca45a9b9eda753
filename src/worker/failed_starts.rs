//! Starts that failed, until they are tried again: what a start needs to know may not be had for a while, and
//! each try takes a turn with Slack and the tracker that people wait for.
//!
//! This is memory alone. After a restart, or on another replica, a start is tried at once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::{RequestId, Span, Time, backoff};

/// How long to wait after a failure: the first time, and at the longest.
const RETRY: (Span, Span) = (Span::seconds(1), Span::seconds(60));

/// The starts that failed.
#[derive(Default)]
pub(super) struct FailedStarts(Mutex<HashMap<RequestId, Failed>>);

struct Failed {
    /// How often in a row.
    failures: u32,
    retry_at: Time,
}

impl FailedStarts {
    /// When this start is tried again, if that is later than `now`. A moment that is too far ahead was set before
    /// the clock went back.
    pub(super) fn retry_at(&self, id: RequestId, now: Time) -> Option<Time> {
        let retry_at = self.lock().get(&id).map(|failed| failed.retry_at);
        retry_at.filter(|at| now < *at && *at <= RETRY.1.after(now))
    }

    /// Notes that this start failed at `now`.
    pub(super) fn note(&self, id: RequestId, now: Time, jitter: u8) {
        let mut starts = self.lock();
        // What another replica has started, or what has ended, leaves its failures here.
        starts.retain(|_, failed| now < RETRY.1.after(RETRY.1.after(failed.retry_at)));
        let failures = starts.get(&id).map_or(0, |failed| failed.failures);
        let failures = failures.saturating_add(1);
        let retry_at = now + backoff(failures, RETRY.0, RETRY.1, jitter);
        starts.insert(id, Failed { failures, retry_at });
    }

    /// Forgets a start that was decided on.
    pub(super) fn forget(&self, id: RequestId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Failed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_wait_up_to_a_minute() {
        let starts = FailedStarts::default();
        let id = RequestId::new(Time::UNIX_EPOCH, 1);
        let mut now = Time::UNIX_EPOCH;
        let mut waits = Vec::new();
        for _ in 0..8 {
            starts.note(id, now, 0);
            let retry_at = starts.retry_at(id, now).unwrap();
            waits.push((retry_at - now).num_seconds());
            assert_eq!(starts.retry_at(id, retry_at), None);
            now = retry_at;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        starts.note(id, now, 0);
        assert_eq!(starts.retry_at(id, Span::seconds(1).before(now)), None);
        starts.forget(id);
        starts.note(id, now, 0);
        assert_eq!(starts.retry_at(id, now), Some(Span::seconds(1).after(now)));
    }
}
