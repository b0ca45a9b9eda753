//! The sweeper: finds what is due, commits what the clock makes due, and has
//! [`provisioning`](crate::provisioning) do what is due in a target.
//!
//! What is due follows from the state alone, so the first attempt and the recovery after a crash
//! are the same code. Every target has a lane of its own, and so have the clock and starts: a target, Slack or
//! a tracker that is slow, or hangs, delays only what needs it. A lane sleeps until its next moment and is woken
//! by commits. What no state makes due, `patrol` finds.

mod failed_starts;
mod lane;
mod missing_work;
mod patrol;
mod run;
mod tend;

use std::sync::Arc;

use failed_starts::FailedStarts;

use crate::{
    backend::Backends,
    broker::{Broker, Error, Loaded},
    clock::{Clock, Entropy},
    domain::{Command, Lane, Refusal, RequestId, Time, Work},
    provisioning::{Provisioner, Unfinished},
};

/// The sweeper.
pub struct Worker {
    broker: Arc<Broker>,
    provisioner: Provisioner,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    failed_starts: FailedStarts,
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
            provisioner: Provisioner::new(broker.clone(), backends, clock.clone(), entropy.clone()),
            broker,
            clock,
            entropy,
            failed_starts: FailedStarts::default(),
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
            Work::Remind { .. } => Command::Remind,
            Work::RemindReview { .. } => Command::RemindReview,
            Work::Expire => Command::Expire,
            // Its end is due too, in another lane.
            Work::Start
                if loaded
                    .request
                    .being_revoked_since(self.clock.now())
                    .is_some() =>
            {
                return Err(Unfinished::Waits);
            }
            // A replica on standby may end access, and grants none.
            Work::Grant { .. } | Work::Start if self.broker.store().standby_reason().is_some() => {
                return Err(Unfinished::Waits);
            }
            Work::Start => return self.start(loaded.request.id).await,
            Work::Grant { layer } => return self.provisioner.grant(loaded, layer).await,
            Work::Revoke { layer } => return self.provisioner.revoke(loaded, layer).await,
            Work::InspectAgain { layer } => {
                return self.provisioner.inspect_again(loaded, layer).await;
            }
        };
        self.broker.record(loaded, command, None).await?;
        Ok(())
    }
    /// Starts the request, unless that failed a moment ago. While it waits, its lane looks at it every second and
    /// asks nobody, so it waits no longer than until its end.
    async fn start(&self, id: RequestId) -> Result<(), Unfinished> {
        if let Some(at) = self.failed_starts.retry_at(id, self.clock.now()) {
            return Err(Unfinished::Pending(at));
        }
        let started = self.broker.start(id).await;
        match &started {
            Ok(()) | Err(Error::Refused(Refusal::NotDue)) => self.failed_starts.forget(id),
            Err(_) => {
                let (now, jitter) = (self.clock.now(), self.entropy.byte());
                self.failed_starts.note(id, now, jitter);
            }
        }
        Ok(started?)
    }
}
