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

/// How long a target may be at work, from [`ordered_at`](crate::domain::Request::ordered_at) on,
/// before that counts as a failure.
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

struct Pending {
    generation: u64,
    ask_at: Time,
}

impl PendingOrders {
    /// When to ask for the status of this order, if its target is working on it.
    pub(super) fn ask_at(&self, order: &LayerRequest) -> Option<Time> {
        let orders = self.lock();
        let pending = orders.get(&order.handle)?;
        (pending.generation == order.generation).then_some(pending.ask_at)
    }

    /// Remembers that the target is working on this order.
    pub(super) fn remember(&self, order: &LayerRequest, ask_at: Time, now: Time) {
        let mut orders = self.lock();
        // Work that another replica finished leaves its order here.
        orders.retain(|_, pending| now < PATIENCE.after(pending.ask_at));
        let generation = order.generation;
        orders.insert(order.handle.clone(), Pending { generation, ask_at });
    }

    /// Forgets what is kept for this handle.
    pub(super) fn forget(&self, handle: &Handle) {
        self.lock().remove(handle);
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
