//! The targets that are not searched for a while, because they were too slow.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::{BackendName, Span, Time};

/// How long a target is not searched after a search that took too long. Somebody who can make searches
/// slow must not slow down the ends behind them.
const PAUSE: Span = Span::minutes(5);

/// Until when which targets are not searched.
#[derive(Debug, Default)]
pub(super) struct Unsearched {
    until: Mutex<HashMap<BackendName, Time>>,
}

impl Unsearched {
    /// Notes that a search of `target` took too long.
    pub(super) fn note(&self, target: &BackendName, now: Time) {
        self.lock().insert(target.clone(), PAUSE.after(now));
    }

    /// Whether `target` is not to be searched now.
    pub(super) fn has(&self, target: &BackendName, now: Time) -> bool {
        self.lock().get(target).is_some_and(|until| now < *until)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BackendName, Time>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_target_is_searched_again_after_five_minutes() {
        let (slow, other): (BackendName, BackendName) =
            (BackendName::new("slow"), BackendName::new("other"));
        let unsearched = Unsearched::default();
        let now = "2026-11-21T02:00:00Z".parse().unwrap();
        assert!(!unsearched.has(&slow, now));
        unsearched.note(&slow, now);
        assert!(unsearched.has(&slow, Span::seconds(299).after(now)));
        assert!(!unsearched.has(&slow, PAUSE.after(now)));
        assert!(!unsearched.has(&other, now));
    }
}
