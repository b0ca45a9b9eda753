//! Work that no lane would ever come to, since the tables do not say what the log says.
//!
//! Lanes find their work in `due`. Somebody who deletes or moves rows there, or edits a snapshot
//! until it seems to be over or to last longer, would keep access from ending. So once a minute this
//! looks at what is open by the log: at requests with nothing due, at grants whose end has come and
//! that nobody began to end, and at those that have been ending for a while. What is not as the log
//! says is made again from it, with an alert.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::{
    domain::{Event, RequestId, Time},
    store::{Entry, EntryBody, StoreError},
};

/// How often, and how late the lanes may be before they are helped.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// Entries of the log, or requests, that are read at a time.
const PAGE: u32 = 1000;

/// Requests that are compared with their entries each time; the rest has its turn the next time.
const COMPARED: usize = 1000;

/// The requests that are open by the log, as far as it was read.
#[derive(Default)]
struct Open {
    read: u64,
    /// When something has to have happened to each: its end, or the next look while it is ending.
    requests: BTreeMap<RequestId, Option<Time>>,
    /// The last one that was compared.
    compared: Option<RequestId>,
}

impl Open {
    fn follow(&mut self, entry: &Entry) {
        let (Some(id), EntryBody::Request(event)) = (entry.request_id, &entry.body) else {
            return;
        };
        match event {
            Event::Requested { .. } => drop(self.requests.insert(id, None)),
            Event::Approved { expires_at, .. } | Event::Extended { expires_at, .. } => {
                self.requests.insert(id, Some(*expires_at));
            }
            Event::RevocationStarted { .. } => drop(self.requests.insert(id, Some(entry.at))),
            Event::Ended {}
            | Event::Failed { .. }
            | Event::Denied { .. }
            | Event::Withdrawn {}
            | Event::Lapsed {} => drop(self.requests.remove(&id)),
            _ => {}
        }
    }

    /// Some of those that nothing is due for, or that are late at `now`.
    fn suspicious(
        &mut self,
        unattended: &BTreeMap<RequestId, Option<Time>>,
        now: Time,
    ) -> Vec<RequestId> {
        let is_late = |at: &Option<Time>| at.is_some_and(|at| at + PERIOD <= now);
        let from = self.compared.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.requests.range((from, Bound::Unbounded));
        let suspicious: Vec<RequestId> = behind
            .filter(|(id, at)| is_late(at) || unattended.contains_key(id))
            .map(|(id, _)| *id)
            .take(COMPARED)
            .collect();
        self.compared = suspicious
            .last()
            .copied()
            .filter(|_| suspicious.len() == COMPARED);
        suspicious
    }
}

impl Worker {
    /// Looks once a minute until `shutdown`. One replica at a time does it.
    pub async fn look_for_missing_work(self: Arc<Self>, shutdown: CancellationToken) {
        let store = self.broker.store().clone();
        let mut open = Open::default();
        let looking = async {
            loop {
                self.clock.until(self.clock.now() + PERIOD).await;
                let looked = match store.claim("missing_work").await {
                    Ok(Some(_claim)) => self.look(&mut open).await,
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                if let Err(error) = looked {
                    tracing::warn!(%error, "failed to look for missing work");
                }
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    async fn look(&self, open: &mut Open) -> Result<(), StoreError> {
        let store = self.broker.store();
        loop {
            let entries = store.raw_entries(open.read, PAGE).await?;
            for entry in &entries {
                open.read = entry.seq;
                // One that is not understood hides no other. `audit verify` names it, and nothing is
                // decided for the request that it tells of.
                if let Ok(entry) = Entry::try_from(entry) {
                    open.follow(&entry);
                }
            }
            if entries.len() < PAGE as usize {
                break;
            }
        }
        let mut unattended = open.requests.clone();
        let mut after = None;
        loop {
            let page = store.attended(after, PAGE).await?;
            for id in &page {
                unattended.remove(id);
            }
            after = page.last().copied();
            if page.len() < PAGE as usize {
                break;
            }
        }
        for id in open.suspicious(&unattended, self.clock.now()) {
            if let Err(error) = self.broker.mend(id).await {
                tracing::warn!(request.id = %id, %error, "failed to compare a request with the log");
            }
        }
        Ok(())
    }
}
