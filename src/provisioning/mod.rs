//! Provisioning: grants, revokes and inspects layers in their targets, and commits what it found.
//!
//! The [`worker`](crate::worker) says when, from what is due. Every step can be repeated after a crash, a
//! lost answer or a failure, and completes what the one before it left. Results are committed through
//! the [`broker`](crate::broker). A step that cannot be finished now answers `Unfinished`: it is due
//! again.

mod entitlement_mutexes;
mod grant;
mod pending;
mod revoke;
mod sharing;
mod unfinished;
mod unsearched;

use std::{sync::Arc, time::Duration};

use entitlement_mutexes::EntitlementMutexes;
use pending::PendingOrders;
pub(crate) use unfinished::Unfinished;
use unsearched::Unsearched;

use crate::{
    backend::{BackendError, Backends, BoundLayer, LayerRequest},
    broker::{Broker, Error, Loaded},
    clock::{Clock, Entropy},
    domain::{
        BackendName, LONGEST_CALL, LONGEST_RETRY, PlannedLayer, Refusal, Request, Span, Time, Work,
        backoff,
    },
    sanitize::excerpt,
};

/// How long to wait after a failure: the first time, and at the longest.
const RETRY: (Span, Span) = (Span::seconds(1), LONGEST_RETRY);

/// Grants, revokes and inspects layers in their targets.
pub struct Provisioner {
    broker: Arc<Broker>,
    backends: Arc<Backends>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mutexes: EntitlementMutexes,
    pending: PendingOrders,
    unsearched: Unsearched,
}

impl Provisioner {
    /// A provisioner of `backends` that commits through `broker`.
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
            mutexes: EntitlementMutexes::default(),
            pending: PendingOrders::default(),
            unsearched: Unsearched::default(),
        }
    }

    /// The targets.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &BackendName> + Clone {
        self.backends.keys()
    }

    /// Gives a target what it needs from time to time, whether or not anything is due: see
    /// [`Backend::tend`](crate::backend::Backend::tend). A target that the configuration does not have
    /// needs nothing.
    ///
    /// # Errors
    ///
    /// The target's trouble.
    pub(crate) async fn tend(&self, target: &BackendName) -> Result<(), BackendError> {
        match self.backends.get(target) {
            Some(backend) => limited(backend.tend()).await,
            None => Ok(()),
        }
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

    /// Loads a request again after it waited for its turn at a piece of access. Refuses if `work` is no
    /// longer to be done: the grant may have ended meanwhile.
    async fn reload(&self, loaded: &Loaded, work: &Work) -> Result<Loaded, Unfinished> {
        let current = self.broker.load(loaded.request.id).await?;
        match current.request.due().iter().any(|due| due.work == *work) {
            true => Ok(current),
            false => Err(Error::from(Refusal::NotDue).into()),
        }
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
    /// tried again: after a second, then after longer, or as late as it asks, but not after more than
    /// `longest`.
    fn retry_at(&self, failures: u32, error: &BackendError, longest: Span) -> Time {
        let asked = match error {
            BackendError::Retry(failure) => failure.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let pause = backoff(failures + 1, RETRY.0, longest, self.entropy.byte());
        let longest = Duration::from_secs(longest.as_seconds().into());
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
    let expires_at = request.expires_at.unwrap_or(request.asked_at);
    LayerRequest::of(request, &layer.plan, layer.receipt.as_ref(), expires_at)
}
