//! The sweeper: takes what is due, does it, commits what happened.
//!
//! What is due follows from the state alone, so the first attempt and the recovery after a crash
//! are the same code. Every target has a lane of its own, and so has the clock: a target that is
//! slow, or hangs, delays only itself. A lane sleeps until its next moment and is woken by commits.
//! What no state makes due, `patrol` finds.

mod entitlement_mutexes;
mod grant;
mod lane;
mod missing_work;
mod patrol;
mod pending;
mod revoke;
mod tend;

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use entitlement_mutexes::EntitlementMutexes;
use pending::PendingOrders;

use crate::{
    backend::{BackendError, Backends, BoundLayer, LayerRequest},
    broker::{Broker, Error, Loaded},
    clock::{Clock, Entropy},
    domain::{
        Command, LONGEST_CALL, LONGEST_RETRY, Lane, PlannedLayer, Refusal, Request, RequestId,
        Span, Time, Work, backoff,
    },
    sanitize::excerpt,
};

/// How long to wait after a failure: the first time, and at the longest.
const RETRY: (Span, Span) = (Span::seconds(1), LONGEST_RETRY);

/// The sweeper.
pub struct Worker {
    broker: Arc<Broker>,
    backends: Arc<Backends>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    turns: EntitlementMutexes,
    pending: PendingOrders,
}

/// Why a piece of work could not be finished now; it is due again.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    /// Grants that it waits for are not gone yet.
    #[error("it waits for other grants to end")]
    Waits,
    /// A target is still working on it, and is to be asked at this moment.
    #[error("its target is still working on it")]
    Pending(Time),
    /// The broker could not commit, or the store not answer.
    #[error(transparent)]
    Broker(#[from] Error),
}

impl Worker {
    /// A sweeper that commits through `broker`.
    pub fn new(
        broker: Arc<Broker>,
        backends: Arc<Backends>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            broker,
            backends,
            clock,
            entropy,
            turns: EntitlementMutexes::default(),
            pending: PendingOrders::default(),
        }
    }

    /// Sweeps until `shutdown`; then finishes what is under way.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let targets = self.backends.keys();
        let lanes = std::iter::once(Lane::Clock)
            .chain(targets.clone().cloned().map(Lane::Target))
            .chain(targets.cloned().map(Lane::ReadBack));
        let mut running: JoinSet<()> = lanes
            .map(|lane| lane::run(self.clone(), lane, shutdown.clone()))
            .collect();
        running.spawn(patrol::run(self.clone(), shutdown.clone()));
        for name in self.backends.keys() {
            running.spawn(tend::run(self.clone(), name.clone(), shutdown.clone()));
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                // A lane that panics would leave its target's access standing.
                tracing::error!(%error, "a lane of the sweeper stopped");
                std::process::abort();
            }
        }
    }

    /// Does everything of `lane` that is due for one request.
    async fn sweep(&self, lane: &Lane, id: RequestId) -> Result<(), Unfinished> {
        let loaded = match self.broker.load(id).await {
            Err(Error::Refused(Refusal::NoSuchRequest(_))) => {
                self.broker.mend(id).await?;
                return Ok(());
            }
            loaded => loaded?,
        };
        let due: Vec<Work> = loaded
            .request
            .due()
            .into_iter()
            .filter(|due| due.lane == *lane && due.is_due(self.clock.now()))
            .map(|due| due.work)
            .collect();
        if due.is_empty() {
            // Somebody else did it; or the rows of `due` are not what the log says.
            self.broker.mend(id).await?;
            return Ok(());
        }
        let (mut pending, mut loaded): (Option<Time>, _) = (None, Some(loaded));
        for work in due {
            // What is done changes it, and the store may date that later than it was decided.
            let loaded = match loaded.take() {
                Some(loaded) => loaded,
                None => self.broker.load(id).await?,
            };
            if !loaded.request.due().iter().any(|due| due.work == work) {
                // What was done before it has ended the grant.
                continue;
            }
            match self.work(loaded, work).await {
                Ok(()) => {}
                // It no longer fits: a warning behind the end, or somebody else did it.
                Err(Unfinished::Broker(Error::Refused(
                    Refusal::NotDue | Refusal::NotActive { .. },
                ))) => {}
                // The other layers do not wait for it.
                Err(Unfinished::Pending(at)) => {
                    pending = Some(pending.map_or(at, |first| first.min(at)));
                }
                Err(unfinished) => return Err(unfinished),
            }
        }
        pending.map_or(Ok(()), |at| Err(Unfinished::Pending(at)))
    }

    async fn work(&self, loaded: Loaded, work: Work) -> Result<(), Unfinished> {
        let command = match work {
            Work::Lapse => Command::Lapse,
            Work::Warn => Command::Warn,
            Work::Expire => Command::Expire,
            Work::Grant { layer } => return self.grant(loaded, layer).await,
            Work::Revoke { layer } => return self.revoke(loaded, layer).await,
            Work::InspectAgain { layer } => return self.inspect_again(loaded, layer).await,
        };
        self.broker.record(loaded, command, None).await?;
        Ok(())
    }

    /// Answers if `error`, from the target of `layer`, is a failure to record. It is none while the
    /// target is still working within its time, or if the order was out of date.
    async fn check_failure(
        &self,
        loaded: &Loaded,
        layer: usize,
        error: &BackendError,
    ) -> Result<(), Unfinished> {
        let request = &loaded.request;
        match error {
            BackendError::Pending { retry_after } => {
                let now = self.clock.now();
                let order = order(request, layer);
                let since = self.pending.since(&order, now);
                let latest = pending::PATIENCE.after(since);
                if now < latest {
                    let pause = self.entropy.jittered(pending::pause(*retry_after));
                    let ask_at = latest.min(now + pause);
                    self.pending.remember(&order, since, ask_at, now);
                    return Err(Unfinished::Pending(ask_at));
                }
            }
            BackendError::Superseded(_) => {
                let current = self.broker.load(request.id).await?.request;
                if current.version != request.version {
                    return Err(Error::from(Refusal::NotDue).into());
                }
            }
            BackendError::Retry(_) | BackendError::Fail(_) => {}
        }
        Ok(())
    }

    /// Refuses while the target is working on this order and is not to be asked yet.
    fn check_pending(&self, order: &LayerRequest) -> Result<(), Unfinished> {
        match self.pending.ask_at(order) {
            Some(at) if self.clock.now() < at => Err(Unfinished::Pending(at)),
            _ => Ok(()),
        }
    }

    /// The layer in its target.
    fn bind(&self, plan: &PlannedLayer) -> Result<Box<dyn BoundLayer>, BackendError> {
        let Some(backend) = self.backends.get(&plan.backend) else {
            let message = format!("the configuration has no backend `{}`", plan.backend);
            return Err(BackendError::Fail(message.into()));
        };
        let bound = backend.bind(&plan.params);
        bound.map_err(|invalid| BackendError::Fail(invalid.message.into()))
    }

    /// When a target that failed `failures` times in a row before, the last time with `error`, is
    /// tried again. It is left alone for as long as it asks, but not for longer than `longest`.
    fn retry_at(&self, failures: u32, error: &BackendError, longest: Span) -> Time {
        let asked = match error {
            BackendError::Retry(failure) => failure.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let longest = Duration::from_secs(longest.as_seconds().into());
        let pause = backoff(failures + 1, RETRY.0, RETRY.1, self.entropy.byte());
        self.clock.now() + pause.max(asked.min(longest))
    }
}

/// What caused a target's failure in the end, for diagnosis.
fn root_cause(error: &BackendError) -> Option<String> {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.last().map(|cause| excerpt(&cause.to_string()))
}

/// Waits for a target, but not for ever.
async fn limited<T>(
    call: impl Future<Output = Result<T, BackendError>>,
) -> Result<T, BackendError> {
    let longest = Duration::from_secs(LONGEST_CALL.as_seconds().into());
    match tokio::time::timeout(longest, call).await {
        Ok(answer) => answer,
        Err(_) => Err(BackendError::Retry(
            format!("the target did not answer within {LONGEST_CALL}").into(),
        )),
    }
}

/// The order for a layer as it stands.
fn order(request: &Request, layer: usize) -> LayerRequest {
    let layer = &request.layers[layer];
    // A layer is only granted or revoked once the approval fixed the end.
    Broker::order(
        request,
        &layer.plan,
        layer.receipt.as_ref(),
        request.expires_at.unwrap_or(request.asked_at),
    )
}
