//! Events that the app did not take are sent again, as Slack does (docs.slack.dev, apis/events-api,
//! "Retries"): at once, a minute after that, and five minutes after that, by the simulator's clock.
//!
//! The first of them waits for nobody. The others are sent once the clock has passed their time:
//! with the machine's clock by themselves, with one of the caller's after
//! [`Sim::clock_moved`](crate::Sim::clock_moved) or any other change of the workspace. Nothing but events is ever retried.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

use crate::{
    clock::reach,
    delivery::{Delivery, DeliveryKind, Outgoing, Retry, Waiting},
    sim::Inner,
    state::State,
};

/// How long after a failed attempt the next one is made.
const PAUSES: [TimeDelta; 3] = [
    TimeDelta::zero(),
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
];
/// How many retries wait at most; the oldest is given up.
const MOST_WAITING: usize = 1000;

impl State {
    /// Plans to send an event again, unless that was tried often enough.
    pub(crate) fn retry_later(
        &mut self,
        outgoing: Outgoing,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) {
        let is_event = delivery.payload["type"] == "event_callback";
        let taken = (200..300).contains(&delivery.status) && !delivery.timed_out;
        if delivery.kind != Some(DeliveryKind::Events) || !is_event || taken {
            return;
        }
        let Some(pause) = PAUSES.get(delivery.retry as usize) else {
            return;
        };
        let over_http = delivery.envelope_id.is_none();
        let reason = match delivery.status {
            _ if delivery.timed_out && over_http => "http_timeout",
            _ if delivery.timed_out => "timeout",
            0 => "connection_failed",
            _ => "http_error",
        };
        let retry = Retry {
            number: delivery.retry + 1,
            reason: reason.to_owned(),
        };
        if self.retries.len() >= MOST_WAITING {
            self.retries.remove(0);
            tracing::warn!("an event will not be sent again: too many wait");
        }
        self.retries.push(Waiting {
            due: now + *pause,
            outgoing: Outgoing {
                retry: Some(retry),
                ..outgoing
            },
        });
    }

    fn due_retries(&mut self, now: DateTime<Utc>) -> Vec<Outgoing> {
        let due = self.retries.extract_if(.., |waiting| waiting.due <= now);
        due.map(|waiting| waiting.outgoing).collect()
    }
}

/// Sends again what is due, until it is dropped.
pub(crate) async fn run(inner: Arc<Inner>) {
    let mut changes = inner.changes();
    let mut sending = JoinSet::new();
    loop {
        while sending.try_join_next().is_some() {}
        let due = |state: &State| state.retries.iter().map(|waiting| waiting.due).min();
        changes.mark_unchanged();
        let next = inner.read(due);
        if next.is_some_and(|next| next <= (inner.clock)()) {
            for outgoing in inner.change(|state, now| state.due_retries(now)) {
                let inner = inner.clone();
                sending.spawn(async move { inner.deliver(outgoing).await });
            }
            continue;
        }
        let mut clock_watch = changes.clone();
        tokio::select! {
            () = reach(&inner.clock, &mut clock_watch, next) => {}
            // The sender lives in `inner`, so the channel cannot be closed.
            _ = changes.changed() => {}
        }
    }
}
