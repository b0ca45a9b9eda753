//! One queue of work: what is due, at most so much at a time, woken by commits and the clock.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::Worker;
use crate::{
    broker::Error,
    clock::until_any,
    domain::{Lane, Refusal, RequestId, Time},
    provisioning::Unfinished,
    store::{Claim, StoreError},
};

/// Pieces of work under way at once in a lane.
const WIDTH: usize = 64;

/// How long unfinished work waits before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the store is asked without having said anything: what another replica worked on is
/// left behind in silence when it dies.
const POLL: Duration = Duration::from_secs(2);

/// Runs `lane` until `shutdown`, then waits for what is under way.
pub(super) async fn run(worker: Arc<Worker>, lane: Lane, shutdown: CancellationToken) {
    let mut head = worker.broker.store().head();
    let mut queue = Queue::default();
    while !shutdown.is_cancelled() {
        // Seen before the store is asked: a commit in between wakes the lane again.
        head.borrow_and_update();
        let now = worker.clock.now();
        queue.postponed.retain(|_, postponed| postponed.until > now);
        let next = match queue.fill(&worker, &lane, now).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(
                    %error, lane = %lane.name(),
                    "failed to read due work from the store; Keylend retries"
                );
                Some(now + PAUSE)
            }
        };
        tokio::select! {
            // In a fixed order, so that a run can be told again; what is done comes before what
            // wakes, since a store that never rests would keep it waiting.
            biased;
            () = shutdown.cancelled() => break,
            () = queue.some_done(&worker), if !queue.running.is_empty() => {}
            Ok(()) = head.changed() => queue.wake_waiting(),
            () = until_any(&*worker.clock, next) => {}
            () = sleep(POLL) => {}
        }
    }
    while !queue.running.is_empty() {
        queue.some_done(&worker).await;
    }
}

#[derive(Default)]
struct Queue {
    running: JoinSet<(RequestId, Claim, Result<(), Unfinished>)>,
    postponed: HashMap<RequestId, Postponed>,
}

/// Work that is due but could not be finished. It stays claimed: other replicas would fare no
/// better.
struct Postponed {
    /// When it is tried again.
    until: Time,
    /// Whether it waits for somebody else's work, and may go on with any commit.
    waits: bool,
    _claim: Claim,
}

impl Queue {
    /// Starts what is due, as much as fits. Answers when to look again if nothing happens before.
    /// Work whose claim is lost is dropped wherever it is: what it had still to do in a target would
    /// come after what another replica does there.
    async fn fill(
        &mut self,
        worker: &Arc<Worker>,
        lane: &Lane,
        now: Time,
    ) -> Result<Option<Time>, StoreError> {
        if self.running.len() * 2 > WIDTH {
            return Ok(None);
        }
        let room = u32::try_from(WIDTH - self.running.len()).unwrap_or(u32::MAX);
        let claims = worker.broker.claims();
        for (id, claim) in claims.claim_due(lane, now, room).await? {
            let (worker, lane) = (worker.clone(), lane.clone());
            let span = tracing::info_span!("work", request.id = %id, lane = %lane.name());
            let work = async move {
                let result = tokio::select! {
                    biased;
                    () = claim.lost() => {
                        tracing::warn!(request.id = %id, "claim lost; another replica continues the work");
                        Ok(())
                    }
                    result = worker.sweep(&lane, id) => result,
                };
                (id, claim, result)
            };
            self.running.spawn(work.instrument(span));
        }
        let next = claims.next_due(lane, now).await?;
        let postponed = self.postponed.values().map(|postponed| postponed.until);
        Ok(next.into_iter().chain(postponed).min())
    }

    /// Waits until a piece of work is done, and takes all that are.
    async fn some_done(&mut self, worker: &Worker) {
        let mut next = self.running.join_next().await;
        while let Some(done) = next {
            match done {
                Ok((_, _, Ok(()))) => {}
                Ok((id, claim, Err(unfinished))) => self.postpone(worker, id, claim, &unfinished),
                // Its claim is gone with it, so it is taken up again.
                Err(error) => {
                    tracing::error!(%error, "work on a request panicked; Keylend retries")
                }
            }
            next = self.running.try_join_next();
        }
    }

    fn postpone(&mut self, worker: &Worker, id: RequestId, claim: Claim, why: &Unfinished) {
        match why {
            Unfinished::Waits | Unfinished::Pending(_) => {}
            Unfinished::Broker(Error::Refused(Refusal::NoSuchRequest(_))) => {
                tracing::error!(
                    request.id = %id,
                    "work is due for a request that is not in the store: run `keylend audit verify`"
                );
            }
            // The broker has said it, and raised an alert.
            Unfinished::Broker(Error::Contradicted(_)) => {}
            Unfinished::Broker(error) => {
                tracing::warn!(
                    request.id = %id, %error,
                    "failed to finish work on a request; Keylend retries"
                );
            }
        }
        let soon = worker.clock.now() + PAUSE;
        let postponed = Postponed {
            until: match why {
                // Its request may end before its target is to be asked.
                Unfinished::Pending(at) => soon.min(*at),
                Unfinished::Waits | Unfinished::Broker(_) => soon,
            },
            waits: matches!(why, Unfinished::Waits),
            _claim: claim,
        };
        self.postponed.insert(id, postponed);
    }

    fn wake_waiting(&mut self) {
        self.postponed.retain(|_, postponed| !postponed.waits);
    }
}
