//! Who is connected over a socket, and which acknowledgements are awaited.
//!
//! It is part of the state, so that what is sent, what is acknowledged and who is connected change
//! together. Nothing here waits: a connection whose queue is full is let go.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::envelope::DisconnectReason;

/// How many connections an app may have (docs.slack.dev, apis/events-api/using-socket-mode).
pub(super) const MOST_CONNECTIONS: usize = 10;
/// How long a ticket may be used.
const TICKET_LIFE: TimeDelta = TimeDelta::seconds(30);
/// How many tickets wait at most; the oldest is forgotten.
const MOST_TICKETS: usize = 100;
/// How much may wait for a client that reads slowly.
const QUEUE: usize = 64;
/// How many complaints are kept; the oldest is forgotten.
const MOST_COMPLAINTS: usize = 1000;

/// What a connection is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this message.
    Say(String),
    /// Send `disconnect` with this reason, and end unless it is a warning.
    Disconnect(DisconnectReason),
    /// End without a word.
    Break,
}

struct Link {
    id: u64,
    orders: mpsc::Sender<Order>,
}

/// A connection that was let in.
pub(super) struct Joined {
    pub(super) id: u64,
    pub(super) orders: mpsc::Receiver<Order>,
    /// How many there are now.
    pub(super) connections: usize,
}

#[derive(Default)]
pub(crate) struct Hub {
    /// Where the server is, `127.0.0.1:40001`.
    pub(crate) authority: String,
    tickets: VecDeque<(String, DateTime<Utc>)>,
    open: Vec<Link>,
    joined: u64,
    /// Whose turn it is, counted on without end.
    turn: usize,
    awaited: HashMap<String, oneshot::Sender<Value>>,
    complaints: VecDeque<String>,
}

impl Hub {
    /// Makes a ticket good for one connection.
    pub(crate) fn issue(&mut self, ticket: String, now: DateTime<Utc>) {
        if self.tickets.len() >= MOST_TICKETS {
            self.tickets.pop_front();
        }
        self.tickets.push_back((ticket, now));
    }

    /// Takes a ticket; whether it was good.
    pub(super) fn redeem(&mut self, ticket: &str, now: DateTime<Utc>) -> bool {
        let place = self.tickets.iter().position(|(other, _)| other == ticket);
        let taken = place.and_then(|place| self.tickets.remove(place));
        taken.is_some_and(|(_, issued_at)| now - issued_at <= TICKET_LIFE)
    }

    /// Lets a connection in, unless there are ten.
    pub(super) fn join(&mut self) -> Result<Joined, DisconnectReason> {
        if self.open.len() >= MOST_CONNECTIONS {
            return Err(DisconnectReason::TooManyWebsockets);
        }
        let (sender, orders) = mpsc::channel(QUEUE);
        self.joined += 1;
        let id = self.joined;
        self.open.push(Link { id, orders: sender });
        Ok(Joined {
            id,
            orders,
            connections: self.open.len(),
        })
    }

    /// Forgets a connection that has ended.
    pub(super) fn leave(&mut self, id: u64) {
        self.open.retain(|link| link.id != id);
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.open.len()
    }

    /// Sends an envelope over the next connection in turn; the acknowledgement, if there is one.
    pub(super) fn send(
        &mut self,
        envelope_id: &str,
        text: &str,
    ) -> Result<oneshot::Receiver<Value>, &'static str> {
        while !self.open.is_empty() {
            self.turn = self.turn.wrapping_add(1);
            let place = self.turn % self.open.len();
            let order = Order::Say(text.to_owned());
            if self.open[place].orders.try_send(order).is_ok() {
                let (sender, acknowledged) = oneshot::channel();
                self.awaited.insert(envelope_id.to_owned(), sender);
                return Ok(acknowledged);
            }
            // It has gone, or it reads so slowly that it might as well have.
            self.open.remove(place);
        }
        Err("no connection is open")
    }

    /// Breaks the connection whose turn it is.
    pub(crate) fn break_off(&mut self) {
        if self.open.is_empty() {
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        let link = self.open.remove(self.turn % self.open.len());
        // If the queue is full it breaks when the queue is through, for want of a sender.
        drop(link.orders.try_send(Order::Break));
    }

    /// Stops waiting for an acknowledgement.
    pub(crate) fn forget(&mut self, envelope_id: &str) {
        self.awaited.remove(envelope_id);
    }

    /// Takes what a client said.
    pub(super) fn hear(&mut self, text: &str) {
        let frame: Value = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return self.complain(format!("not JSON: {error}")),
        };
        let Some(id) = frame["envelope_id"].as_str() else {
            return self.complain("a message without envelope_id".to_owned());
        };
        match self.awaited.remove(id) {
            // Whoever waited may be gone this very moment.
            Some(waiting) => drop(waiting.send(frame["payload"].clone())),
            None => self.complain(format!(
                "nobody waits for envelope {id:?}: unknown, acknowledged before, or too late"
            )),
        }
    }

    /// Records what an app did wrong.
    pub(super) fn complain(&mut self, complaint: String) {
        tracing::warn!(%complaint, "the app broke the rules of Socket Mode");
        if self.complaints.len() >= MOST_COMPLAINTS {
            self.complaints.pop_front();
        }
        self.complaints.push_back(complaint);
    }

    /// What apps did wrong so far.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.iter().cloned().collect()
    }

    /// Tells every connection to end, or that it soon will.
    pub(crate) fn disconnect(&mut self, reason: DisconnectReason) {
        for link in &self.open {
            // A queue that is full belongs to a connection that is about to be let go.
            drop(link.orders.try_send(Order::Disconnect(reason)));
        }
        if reason != DisconnectReason::Warning {
            self.open.clear();
        }
    }
}
