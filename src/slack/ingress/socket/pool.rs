//! Which connections are open: whether Slack reaches us, and which way an acknowledgement goes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{mpsc, watch};

use super::super::Reach;
use crate::metrics::Metrics;

/// Said while no connection is open.
const NONE_OPEN: &str = "no Socket Mode connection to Slack is open";

/// Said while Slack refuses them all.
const SWITCHED_OFF: &str = "Socket Mode is switched off in the app's settings";

/// How many acknowledgements may wait for a connection that takes them slowly.
const QUEUE: usize = 256;

/// The open connections.
pub(super) struct ConnectionPool {
    seats: Mutex<Seats>,
    reach: watch::Sender<Reach>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Seats {
    joined: u64,
    queues: BTreeMap<u64, mpsc::Sender<String>>,
    switched_off: bool,
}

/// The place of an open connection, until it is dropped.
pub(super) struct Seat {
    pool: Arc<ConnectionPool>,
    id: u64,
}

impl ConnectionPool {
    pub(super) fn new(reach: watch::Sender<Reach>, metrics: Arc<Metrics>) -> Self {
        let pool = Self {
            seats: Mutex::default(),
            reach,
            metrics,
        };
        pool.tell(&pool.seats());
        pool
    }

    /// Takes in a connection that is open; what it is to acknowledge comes out of the queue.
    pub(super) fn join(self: &Arc<Self>) -> (Seat, mpsc::Receiver<String>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let mut seats = self.seats();
        seats.joined += 1;
        let id = seats.joined;
        seats.queues.insert(id, sender);
        seats.switched_off = false;
        self.tell(&seats);
        let pool = self.clone();
        (Seat { pool, id }, queue)
    }

    /// Notes that Slack opens no connection because Socket Mode is switched off. The next one that
    /// is open proves the contrary.
    pub(super) fn switched_off(&self) {
        let mut seats = self.seats();
        seats.switched_off = true;
        self.tell(&seats);
    }

    /// Whether it is, as far as Slack has said.
    pub(super) fn is_switched_off(&self) -> bool {
        self.seats().switched_off
    }

    /// Sends an acknowledgement over the connection that its envelope came by. If that has ended,
    /// any other will do: Slack knows the envelope by its id. Whether one takes it.
    fn say(&self, id: u64, text: String) -> bool {
        let seats = self.seats();
        let own = seats.queues.get(&id);
        let others = seats.queues.values().rev();
        let mut text = Some(text);
        own.into_iter().chain(others).any(|queue| {
            let Some(unsaid) = text.take() else {
                return false;
            };
            match queue.try_send(unsaid) {
                Ok(()) => true,
                Err(refused) => {
                    text = Some(refused.into_inner());
                    false
                }
            }
        })
    }

    fn tell(&self, seats: &Seats) {
        self.metrics.slack_connections(seats.queues.len());
        let now = match seats.queues.is_empty() {
            false => Ok(()),
            true if seats.switched_off => Err(SWITCHED_OFF),
            true => Err(NONE_OPEN),
        };
        self.reach.send_modify(|reach| *reach = now);
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// What acknowledges the envelopes of this connection, also after its end.
    pub(super) fn voice(&self) -> impl FnOnce(String) -> bool + Send + use<> {
        let (pool, id) = (self.pool.clone(), self.id);
        move |text| pool.say(id, text)
    }

    /// Gives up the place; what the connection was yet to acknowledge goes over the others.
    pub(super) fn leave(self, mut queue: mpsc::Receiver<String>) {
        let (pool, id) = (self.pool.clone(), self.id);
        drop(self);
        queue.close();
        while let Ok(text) = queue.try_recv() {
            if !pool.say(id, text) {
                return;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.pool.seats();
        seats.queues.remove(&self.id);
        self.pool.tell(&seats);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> (Arc<ConnectionPool>, watch::Receiver<Reach>) {
        let (sender, reach) = watch::channel(Ok(()));
        let pool = ConnectionPool::new(sender, Arc::new(Metrics::default()));
        (Arc::new(pool), reach)
    }

    #[test]
    fn slack_reaches_us_while_one_connection_is_open() {
        let (pool, reach) = pool();
        assert_eq!(*reach.borrow(), Err(NONE_OPEN));
        let (first, _queue) = pool.join();
        let (second, _other) = pool.join();
        drop(first);
        assert_eq!(*reach.borrow(), Ok(()));
        pool.switched_off();
        assert_eq!(*reach.borrow(), Ok(()));
        drop(second);
        assert_eq!(*reach.borrow(), Err(SWITCHED_OFF));
        let (third, _queue) = pool.join();
        assert!(!pool.is_switched_off());
        drop(third);
        assert_eq!(*reach.borrow(), Err(NONE_OPEN));
    }

    #[test]
    fn an_acknowledgement_takes_its_own_connection_or_else_any_other() {
        let (pool, _reach) = pool();
        let (first, mut queue) = pool.join();
        let (second, mut other) = pool.join();
        assert!(first.voice()("one".to_owned()));
        assert_eq!(queue.try_recv().unwrap(), "one");
        let late = first.voice();
        assert!(first.voice()("two".to_owned()));
        first.leave(queue);
        assert_eq!(other.try_recv().unwrap(), "two");
        assert!(late("three".to_owned()));
        assert_eq!(other.try_recv().unwrap(), "three");
        let last = second.voice();
        drop(second);
        assert!(!last("four".to_owned()));
    }

    #[test]
    fn a_connection_that_takes_nothing_makes_nobody_wait() {
        let (pool, _reach) = pool();
        let (seat, _queue) = pool.join();
        for _ in 0..QUEUE {
            assert!(seat.voice()("told".to_owned()));
        }
        assert!(!seat.voice()("too much".to_owned()));
    }
}
