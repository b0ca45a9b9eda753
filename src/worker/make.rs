//! Making a layer: look first, commit what was there, then make, then read back.

use super::{Unfinished, Worker, limited, order};
use crate::{
    backend::{BackendError, Presence},
    domain::{Command, Progress, Refusal, Request, State},
};

/// How often a target is asked before the grant is given up: about half a minute in all.
const TRIES: u32 = 6;

impl Worker {
    /// Makes `layer`, or tells its target of a later end. A crash anywhere in here is made good by
    /// the same call: what was there before Keylend touched the target is committed first, and so
    /// is the password. Nothing is made of a snapshot that the log contradicts.
    pub(super) async fn make(
        &self,
        request: &Request,
        layer: usize,
    ) -> Result<Request, Unfinished> {
        self.broker.uncontradicted(request).await?;
        if self.broker.end_if_locked(request.id).await? {
            return Err(Refusal::NotDue.into());
        }
        for other in &request.after {
            if self.broker.request(*other).await?.is_open() {
                return Err(Unfinished::Waits);
            }
        }
        let plan = &request.layers[layer].plan;
        let store = &**self.broker.store();
        let _alone = self.turns.alone(store, &plan.entitlement).await?;
        // Nothing is made from the end on, also where the clock's lane has yet to say that it came.
        if request
            .expires_at
            .is_some_and(|end| end <= self.clock.now())
        {
            return Ok(self
                .broker
                .record(request.id, Command::Expire, None)
                .await?);
        }
        let surveyed = match request.layers[layer].progress {
            Progress::Planned => self.survey(request, layer).await,
            _ => Ok(request.clone()),
        };
        let made = match surveyed {
            Ok(request) => {
                // It was loaded once more meanwhile.
                self.broker.uncontradicted(&request).await?;
                self.make_surveyed(&request, layer).await
            }
            Err(error) => Err(error),
        };
        let command = match made {
            Ok(until) => Command::Made { layer, until },
            Err(Trouble::Broker(refusal)) => return Err(refusal.into()),
            Err(Trouble::Target(error)) => self.not_made(request, layer, &error),
        };
        Ok(self.broker.record(request.id, command, None).await?)
    }

    /// Commits whether the access is Keylend's to give: it is, unless it was there before.
    async fn survey(&self, request: &Request, layer: usize) -> Result<Request, Trouble> {
        let plan = &request.layers[layer].plan;
        let order = order(request, plan);
        let sharers = self.broker.sharing(&plan.entitlement, request.id).await?;
        if let Some(other) = sharers.unproven {
            // Its access would pass for access that Keylend did not give.
            return Err(Refusal::Contradicted(other).into());
        }
        let given = if sharers.proven.is_empty() {
            limited(self.backend(plan)?.survey(&order)).await? == Presence::Absent
        } else {
            sharers.proven.iter().any(|other| other.given)
        };
        let credential = self
            .broker
            .new_credential(request, layer, plan, order.expires_at);
        let command = Command::Surveyed { layer, given };
        Ok(self.broker.record(request.id, command, credential).await?)
    }

    async fn make_surveyed(
        &self,
        request: &Request,
        layer: usize,
    ) -> Result<crate::domain::Time, Trouble> {
        let plan = &request.layers[layer].plan;
        let backend = self.backend(plan)?;
        let order = order(request, plan);
        let password = match backend.credential(&order) {
            Some(_) => Some(self.broker.password(request.id, layer).await?),
            None => None,
        };
        limited(backend.make(&order, password.as_ref())).await?;
        match limited(backend.read(&order)).await? {
            Presence::Present => Ok(order.expires_at),
            Presence::Absent => Err(Trouble::Target(BackendError::Retry(
                "the target took the order, but the access is not there".to_owned(),
            ))),
        }
    }

    fn not_made(&self, request: &Request, layer: usize, error: &BackendError) -> Command {
        let failures = request.layers[layer].failures;
        // What is active already stays active, although its target cannot be told of a later end.
        let give_up = request.state == State::Approved
            && (matches!(error, BackendError::Fail(_)) || failures + 1 >= TRIES);
        let retry_at = (!give_up).then(|| self.retry_at(failures));
        tracing::warn!(
            request.id = %request.id, layer, %error, give_up, "a target did not make a layer"
        );
        Command::NotMade {
            layer,
            error: error.to_string(),
            retry_at,
        }
    }
}

/// What kept a layer from being made.
enum Trouble {
    /// The target: said in the log, and tried again or given up.
    Target(BackendError),
    /// The broker or its store: nothing is known, so nothing is said; it is due again.
    Broker(Refusal),
}

impl From<BackendError> for Trouble {
    fn from(error: BackendError) -> Self {
        Self::Target(error)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Broker(refusal)
    }
}
