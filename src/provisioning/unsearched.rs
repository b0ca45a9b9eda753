//! How long targets are searched for what grantees left behind, and which are not searched for a while.
//!
//! The next layer of a request is revoked after the search for the one before it. So all searches for one
//! request in one target share a bound, however many layers it has there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::domain::{BackendName, RequestId, Span, Time};

/// How long the searches of one target for one request may take together.
const SEARCH: Duration = Duration::from_secs(5);

/// After a search that took longer, the target is not searched for a while.
const SLOW: Duration = Duration::from_secs(3);

/// How long a target is not searched after a search that took too long, and how long it is remembered how
/// long the searches for a request took. Somebody who can make searches slow must not slow down the ends
/// behind them.
const PAUSE: Span = Span::minutes(5);

/// What is left of the time for searches.
#[derive(Debug, Default)]
pub(super) struct Unsearched(Mutex<Searches>);

#[derive(Debug, Default)]
struct Searches {
    /// Until when which targets are not searched.
    until: HashMap<BackendName, Time>,
    /// How long the searches for a request took, and until when that is remembered.
    took: HashMap<(BackendName, RequestId), (Duration, Time)>,
}

impl Unsearched {
    /// Notes how long a search of `target` for `request` took.
    pub(super) fn note(&self, target: &BackendName, request: RequestId, took: Duration, now: Time) {
        let mut searches = self.lock();
        let until = PAUSE.after(now);
        if took > SLOW {
            searches.until.insert(target.clone(), until);
        }
        searches.took.retain(|_, (_, until)| now < *until);
        let all = searches.took.entry((target.clone(), request));
        let all = all.or_insert((Duration::ZERO, until));
        *all = (all.0.saturating_add(took), until);
    }

    /// How long `target` may be searched for `request` now.
    ///
    /// # Errors
    ///
    /// Why it is not to be searched.
    pub(super) fn time_left(
        &self,
        target: &BackendName,
        request: RequestId,
        now: Time,
    ) -> Result<Duration, &'static str> {
        let searches = self.lock();
        if searches.until.get(target).is_some_and(|until| now < *until) {
            return Err("the target was too slow for a search a moment ago");
        }
        let took = searches.took.get(&(target.clone(), request));
        let left = took.map_or(SEARCH, |(took, _)| SEARCH.saturating_sub(*took));
        match left.is_zero() {
            true => Err("the searches for the other layers of the request took too long"),
            false => Ok(left),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Searches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        "2026-11-21T02:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_slow_target_is_searched_again_after_five_minutes() {
        let (slow, other): (BackendName, BackendName) =
            (BackendName::new("slow"), BackendName::new("other"));
        let (one, two) = (RequestId::new(now(), 1), RequestId::new(now(), 2));
        let unsearched = Unsearched::default();
        assert_eq!(unsearched.time_left(&slow, one, now()), Ok(SEARCH));
        unsearched.note(&slow, one, SLOW + Duration::from_millis(1), now());
        for request in [one, two] {
            let soon = Span::seconds(299).after(now());
            assert!(unsearched.time_left(&slow, request, soon).is_err());
            assert!(unsearched.time_left(&slow, two, PAUSE.after(now())).is_ok());
            assert!(unsearched.time_left(&other, request, now()).is_ok());
        }
    }

    #[test]
    fn the_searches_for_the_layers_of_a_request_share_a_bound() {
        let target = BackendName::new("pg-prod");
        let (one, two) = (RequestId::new(now(), 1), RequestId::new(now(), 2));
        let unsearched = Unsearched::default();
        for layers in 1..=2 {
            unsearched.note(&target, one, Duration::from_secs(2), now());
            let left = SEARCH - Duration::from_secs(2) * layers;
            assert_eq!(unsearched.time_left(&target, one, now()), Ok(left));
        }
        unsearched.note(&target, one, Duration::from_secs(1), now());
        assert!(unsearched.time_left(&target, one, now()).is_err());
        assert_eq!(unsearched.time_left(&target, two, now()), Ok(SEARCH));
    }
}
