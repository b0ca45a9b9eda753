//! Orders that a target has taken and is still working on. Such an order is not sent again while its
//! request stays as it was: the target's status is asked instead.
//!
//! This is memory alone. After a restart, or on another replica, the order is sent once more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    backend::LayerRequest,
    domain::{Handle, Span, Time},
};

/// How long a target may be at work on an order, by the clock of the replica that waits for it, before
/// that counts as a failure.
pub(super) const PATIENCE: Span = Span::minutes(5);

/// How long to wait before the status is asked, if the target does not say.
const PAUSE: Duration = Duration::from_secs(5);

/// The least and the most that a target can ask for instead.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long to wait before the status is asked.
pub(super) fn pause(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or(PAUSE).clamp(BOUNDS.0, BOUNDS.1)
}

/// The orders that targets are working on, by handle.
#[derive(Default)]
pub(super) struct PendingOrders {
    orders: Mutex<HashMap<Handle, Pending>>,
}

#[derive(Clone, Copy)]
struct Pending {
    generation: u64,
    ask_at: Time,
    /// By this replica's clock.
    since: Time,
}

impl PendingOrders {
    /// When to ask for the status of this order, if its target is working on it.
    pub(super) fn ask_at(&self, order: &LayerRequest) -> Option<Time> {
        self.find(order).map(|pending| pending.ask_at)
    }

    /// Since when the target is working on this order; from now on if that was not known.
    pub(super) fn since(&self, order: &LayerRequest, now: Time) -> Time {
        self.find(order)
            .map_or(now, |pending| pending.since.min(now))
    }

    /// Remembers that the target has been working on this order since then.
    pub(super) fn remember(&self, order: &LayerRequest, since: Time, ask_at: Time, now: Time) {
        let mut orders = self.lock();
        // Work that another replica finished leaves its order here.
        orders.retain(|_, pending| now < PATIENCE.after(pending.ask_at));
        let generation = order.generation;
        let pending = Pending {
            generation,
            ask_at,
            since,
        };
        orders.insert(order.handle.clone(), pending);
    }

    /// Forgets what is kept for this handle.
    pub(super) fn forget(&self, handle: &Handle) {
        self.lock().remove(handle);
    }

    fn find(&self, order: &LayerRequest) -> Option<Pending> {
        let pending = self.lock().get(&order.handle).copied();
        pending.filter(|pending| pending.generation == order.generation)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Handle, Pending>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_asked_after_what_it_said_within_bounds() {
        let seconds = Duration::from_secs;
        assert_eq!(pause(None), seconds(5));
        assert_eq!(pause(Some(seconds(0))), seconds(1));
        assert_eq!(pause(Some(seconds(30))), seconds(30));
        assert_eq!(pause(Some(seconds(u64::MAX))), seconds(60));
    }
}
