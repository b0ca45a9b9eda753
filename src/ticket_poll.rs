//! Ending access whose ticket was closed or deleted.
//!
//! One replica, which has claimed this, asks the tracker in rounds about the ticket of every grant that depends
//! on one. Only a definite answer ends access: an outage, a refused token or an unreadable answer raises an
//! alert, and the access continues until it expires.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    alerts::Alerts,
    broker::Broker,
    clock::{Clock, Entropy},
    domain::Request,
    tickets::TicketStatus,
};

/// What is claimed by the replica that asks.
const CLAIM: &str = "tickets";

/// How long to wait before the claim is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// The shortest time from the start of a round to the start of the next. Chance makes it up to twice as long.
const ROUND: Duration = Duration::from_secs(30);

/// How many tickets are asked about at a time.
const AT_A_TIME: usize = 4;

/// What is raised while it is not known whether tickets of grants are open.
const UNCHECKED: &str = "tickets_unchecked";

/// Looks whether tickets of grants were closed.
pub struct TicketPoll {
    broker: Arc<Broker>,
    alerts: Arc<Alerts>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl TicketPoll {
    /// Looks on behalf of `broker`, and raises `alerts` where there is no answer.
    pub fn new(
        broker: Arc<Broker>,
        alerts: Arc<Alerts>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            broker,
            alerts,
            clock,
            entropy,
        }
    }

    /// Looks until `shutdown`; not at all if no scope needs an open ticket.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.broker.has_tickets() {
            shutdown.run_until_cancelled(self.make_rounds()).await;
        }
    }

    /// Makes rounds whenever no other replica does.
    async fn make_rounds(&self) {
        loop {
            let rounds = self.go_round_and_round();
            if self.broker.work_alone(CLAIM, rounds).await {
                // Another replica knows from now on.
                self.alerts.clear(UNCHECKED);
            }
            sleep(PAUSE).await;
        }
    }

    async fn go_round_and_round(&self) {
        loop {
            let next = self.clock.now() + self.entropy.jittered(ROUND);
            self.go_round().await;
            self.clock.until(next).await;
            // Where the clock jumps, a round still gives way to others.
            tokio::task::yield_now().await;
        }
    }

    /// Asks about each ticket once for each page of grants.
    async fn go_round(&self) {
        let unknown = Mutex::new(None);
        let mut pages = self.broker.grants();
        loop {
            let grants = match pages.next().await {
                Ok(Some(grants)) => grants,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "failed to read grants with tickets; Keylend retries");
                    return;
                }
            };
            let mut tickets: BTreeMap<String, Vec<Request>> = BTreeMap::new();
            for grant in grants {
                if let Some(ticket) = self.broker.ticket_behind(&grant).map(str::to_owned) {
                    tickets.entry(ticket).or_default().push(grant);
                }
            }
            stream::iter(tickets)
                .for_each_concurrent(AT_A_TIME, |(ticket, grants)| {
                    let unknown = &unknown;
                    async move {
                        if let Err(why) = self.look_at(&ticket, &grants).await {
                            let mut unknown =
                                unknown.lock().unwrap_or_else(PoisonError::into_inner);
                            unknown.get_or_insert(why);
                        }
                    }
                })
                .await;
        }
        let unknown = unknown.into_inner().unwrap_or_else(PoisonError::into_inner);
        match unknown {
            None => self.alerts.clear(UNCHECKED),
            Some(why) => self.alerts.raise(
                UNCHECKED,
                format!(
                    "Keylend can't tell whether tickets of active access are still open: {why}. The access \
                     continues until it expires. To end it now, use `/jit revoke`."
                ),
            ),
        }
    }

    /// Ends what was granted under a ticket that is closed or not there any more. The error says why that is not
    /// known.
    async fn look_at(&self, ticket: &str, grants: &[Request]) -> Result<(), String> {
        let status = self.broker.ticket_status(ticket).await;
        let deleted = match status.map_err(|problem| problem.to_string())? {
            TicketStatus::Open => return Ok(()),
            TicketStatus::Closed => false,
            TicketStatus::Unknown => true,
        };
        for grant in grants {
            if let Err(error) = self.broker.end_for_ticket(grant, deleted).await {
                tracing::warn!(%error, "failed to end access whose ticket was closed; Keylend retries");
            }
        }
        Ok(())
    }
}
