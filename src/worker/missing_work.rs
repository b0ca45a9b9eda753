//! Requests whose rows are not what the log says, which no lane would ever come to.
//!
//! Lanes find their work in `due`, and what a lock or a departure ends is found in `requests`. Somebody
//! who edits, moves or deletes rows there would keep access from ending. So once a minute this compares
//! what is open, by the table and by the log, and first whatever should have ended by now, or should have
//! been inspected once more. What is not as the log says is made again from it, with an alert. Nor does a
//! lane come to an inspection in a target that the configuration has no more: it is given up here.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::{
    broker::Error,
    domain::{Event, INSPECT_AGAIN, RequestId, Time},
    store::{After, Entry, EntryBody, Origin},
};

/// How often, and how late the lanes may be before they are helped.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// Entries of the log, or requests, that are read at a time.
const PAGE: u32 = 1000;

/// Pages of open requests that are compared each time; the rest has its turn the next time.
const PAGES: usize = 2;

/// Late requests that are compared each time.
const LATE: usize = 1000;

/// The requests that are open by the log, or have layers that are still to be inspected once more, as
/// far as it was read.
#[derive(Default)]
struct Open {
    /// The last entry that was read and that Keylend wrote.
    read: u64,
    /// Whether entries are missing up to there, or others stand in their places, which can be put back.
    has_gaps: bool,
    requests: BTreeMap<RequestId, Logged>,
    /// The last late one that was compared.
    compared: Option<RequestId>,
    round: Round,
}

/// One of them.
#[derive(Default)]
struct Logged {
    is_over: bool,
    /// How many layers are still to be inspected once more.
    inspections: usize,
    /// When something has to have happened to it: its end, the next look while it is ending, or the
    /// inspection.
    at: Option<Time>,
}

/// One round through the open requests of the table.
#[derive(Default)]
struct Round {
    after: Option<After>,
    /// What was open by the log when the round began, and was not come to yet.
    ahead: BTreeSet<RequestId>,
}

impl Open {
    fn follow(&mut self, entry: &Entry, is_last: bool, now: Time) {
        let (Some(id), EntryBody::Request(event)) = (entry.request_id, &entry.body) else {
            return;
        };
        // Reviews go on after the access has ended, and nothing of them is in a target.
        if matches!(
            event,
            Event::GlassBroken { .. }
                | Event::ReviewSignedOff { .. }
                | Event::ReviewReminded { .. }
        ) {
            return;
        }
        let logged = self.requests.entry(id).or_default();
        match event {
            Event::Approved { expires_at, .. } | Event::Extended { expires_at, .. } => {
                logged.at = Some(*expires_at);
            }
            Event::LayerGranted {
                ends_at: Some(ends_at),
                ..
            } => logged.at = logged.at.map(|at| at.min(*ends_at)),
            Event::RevocationStarted { .. } => logged.at = Some(entry.at.min(now)),
            Event::LayerRevoked { removal, .. } => {
                logged.inspections += usize::from(removal.is_inspected_later());
            }
            Event::LayerReappeared { .. } => {
                (logged.is_over, logged.at) = (false, Some(entry.at.min(now)));
                logged.inspections = logged.inspections.saturating_sub(1);
            }
            Event::LayerAbsenceConfirmed { .. } | Event::LayerInspectionAbandoned { .. } => {
                logged.inspections = logged.inspections.saturating_sub(1);
            }
            _ => {}
        }
        if is_last && !logged.is_over {
            (logged.is_over, logged.at) = (true, Some(INSPECT_AGAIN.after(entry.at.min(now))));
        }
        if logged.is_over && logged.inspections == 0 {
            self.requests.remove(&id);
        }
    }

    /// Whether the request is open by the log.
    fn is_open(&self, id: &RequestId) -> bool {
        self.requests.get(id).is_some_and(|logged| !logged.is_over)
    }

    /// Some of those that are late at `now`.
    fn late(&mut self, now: Time) -> Vec<RequestId> {
        let is_late = |logged: &Logged| logged.at.is_some_and(|at| at + PERIOD <= now);
        let from = self.compared.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.requests.range((from, Bound::Unbounded));
        let late: Vec<RequestId> = behind
            .filter(|(_, logged)| is_late(logged))
            .map(|(id, _)| *id)
            .take(LATE)
            .collect();
        self.compared = late.last().copied().filter(|_| late.len() == LATE);
        late
    }
}

impl Worker {
    /// Looks once a minute until `shutdown`. One replica at a time does it.
    pub async fn look_for_missing_work(self: Arc<Self>, shutdown: CancellationToken) {
        let mut open = Open::default();
        let looking = async {
            loop {
                self.clock.until(self.clock.now() + PERIOD).await;
                let looked = match self.broker.claims().claim("missing_work").await {
                    Ok(Some(_claim)) => self.look(&mut open).await,
                    Ok(None) => Ok(()),
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = looked {
                    tracing::warn!(%error, "failed to look for missing work; Keylend retries in a minute");
                }
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    async fn look(&self, open: &mut Open) -> Result<(), Error> {
        let store = self.broker.store();
        if open.has_gaps {
            (open.read, open.has_gaps) = (0, false);
            open.requests.clear();
        }
        // Others may write far ahead for a moment, so only Keylend's entries move `open.read`.
        let mut read = open.read;
        loop {
            let entries = store.raw_entries(read, PAGE).await?;
            for raw in &entries {
                let is_forged = raw.origin == Origin::Forged;
                open.has_gaps |= is_forged || raw.seq != read + 1;
                read = raw.seq;
                if !is_forged {
                    open.read = read;
                }
                // One that is not understood, or not Keylend's, hides no other. `audit verify` names it, and
                // nothing is decided for the request that it tells of.
                if !is_forged && let Ok((entry, _)) = Entry::as_far_as_there(raw) {
                    open.follow(&entry, Event::is_last(&raw.kind), self.clock.now());
                }
            }
            if entries.len() < PAGE as usize {
                break;
            }
        }
        let late = open.late(self.clock.now());
        let over = late.iter().filter(|id| !open.is_open(id));
        let over: Vec<RequestId> = over.copied().collect();
        let mut mended = self.mend_all(late).await;
        for id in over {
            if let Err(error) = self.provisioner.inspect_removed_targets(id).await {
                tracing::warn!(
                    request.id = %id, %error,
                    "failed to abandon an inspection; Keylend retries in a minute"
                );
            }
        }
        for _ in 0..PAGES {
            if open.round.after.is_none() {
                let requests = open.requests.keys().filter(|id| open.is_open(id));
                open.round.ahead = requests.copied().collect();
            }
            let page = store.open_after(open.round.after.take(), PAGE).await?;
            for request in &page.requests {
                open.round.ahead.remove(&request.id);
            }
            let differing = self.broker.differing(&page.requests).await?;
            mended |= self.mend_all(differing).await;
            open.round.after = page.next;
            if open.round.after.is_none() {
                let hidden = std::mem::take(&mut open.round.ahead);
                let hidden = hidden.into_iter().filter(|id| open.is_open(id));
                mended |= self.mend_all(hidden).await;
                break;
            }
        }
        if mended {
            // A lock may not have come to what was hidden from it.
            let locks = self.broker.locks().await?;
            self.broker.end_covered(&locks).await?;
        }
        Ok(())
    }

    /// Whether the rows of any of them were not what the log says.
    async fn mend_all(&self, requests: impl IntoIterator<Item = RequestId>) -> bool {
        let mut mended = false;
        for id in requests {
            match self.broker.mend(id).await {
                Ok(is_mended) => mended |= is_mended,
                Err(error) => {
                    tracing::warn!(
                        request.id = %id, %error,
                        "failed to compare a request with the log; Keylend retries in a minute"
                    );
                }
            }
        }
        mended
    }
}
