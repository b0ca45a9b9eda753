//! Revoking a layer: until the target's status was read back and it is not there, for ever.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Provisioner, RETRY, Unfinished, limited, order, root_cause, sharing::Sharers};
use crate::{
    backend::{BackendError, Presence},
    broker::Loaded,
    domain::{Command, Leftovers, Removal, Request, RequestId, RevocationMode, Time, Work},
    sanitize::excerpt,
};

/// How long to wait before a target that could not be inspected after an end is inspected again.
const INSPECTION_PAUSE: Duration = Duration::from_secs(60);

/// What is found of a layer that is to end.
enum Found {
    /// Nothing, or nothing of ours.
    Gone(Removal),
    /// Access that only its time limit ends, which is still ahead.
    There { until: Time },
}

impl Provisioner {
    /// Revokes `layer`, unless it is not Keylend's to revoke or another grant depends on it.
    ///
    /// Where the log does not tell, what the tables say is revoked too, but it is not said to be gone.
    pub(crate) async fn revoke(&self, loaded: Loaded, layer: usize) -> Result<(), Unfinished> {
        self.check_pending(&order(&loaded.request, layer))?;
        let claims = self.broker.claims();
        let entitlement = &loaded.request.layers[layer].plan.entitlement;
        let _alone = self.mutexes.alone(claims, entitlement).await?;
        let loaded = self.reload(&loaded, &Work::Revoke { layer }).await?;
        let request = &loaded.request;
        let plan = &request.layers[layer].plan;
        let receipt = request.layers[layer].receipt.as_ref();
        let sharers = self.sharing(plan, receipt, request.id).await?;
        let left_to = sharers.proven.iter().find(|other| other.goes_on);
        let done = if !request.manages(layer) {
            Ok(Found::Gone(Removal::Preexisting))
        } else if let Some(other) = left_to {
            Ok(Found::Gone(Removal::RetainedByGrant {
                request: other.request,
            }))
        } else {
            self.remove(request, layer).await
        };
        let done = match loaded.logged {
            Some(_) => done,
            None => done.and(Err(BackendError::Retry(
                "the log does not tell of this grant: run `keylend audit verify`".into(),
            ))),
        };
        let command = match done {
            Ok(Found::Gone(removal)) => {
                self.check_settled(request, layer)?;
                let leftovers = match removal {
                    Removal::Removed | Removal::RetainedByGrant { .. } => {
                        self.leftovers(request, layer).await
                    }
                    _ => Leftovers::default(),
                };
                Command::Revoked {
                    layer,
                    removal,
                    leftovers,
                }
            }
            Ok(Found::There { until }) => Command::Granted {
                layer,
                until,
                ends_at: None,
                receipt: None,
                secrets: false,
                caveat: None,
            },
            Err(error) => {
                self.check_failure(&loaded, layer, &error).await?;
                let failures = request.layers[layer].failures;
                tracing::warn!(
                    request.id = %request.id, layer, %error, cause = root_cause(&error),
                    failures = failures + 1, "failed to revoke a layer; Keylend retries"
                );
                let retry_at = self.retry_at(failures, &error, RETRY.1);
                Command::RevokeFailed {
                    layer,
                    error: error.to_string(),
                    retry_at,
                }
            }
        };
        self.pending.forget(&plan.handle);
        self.broker.record(loaded, command, None).await?;
        Ok(())
    }

    async fn remove(&self, request: &Request, layer: usize) -> Result<Found, BackendError> {
        let plan = &request.layers[layer].plan;
        let bound = self.bind(plan)?;
        let order = order(request, layer);
        if plan.revocation == RevocationMode::TimeLimit {
            let presence = limited(bound.status(&order)).await?;
            let limit = request.time_limit(&request.layers[layer]);
            let ahead = limit.filter(|limit| self.clock.now() < *limit);
            return match (presence, ahead) {
                (Presence::Absent, None) => Ok(Found::Gone(Removal::Expired)),
                (Presence::Absent, Some(_)) => Ok(Found::Gone(Removal::Absent)),
                (Presence::Present, Some(until)) => Ok(Found::There { until }),
                (Presence::Present, None) => Err(BackendError::Retry(
                    "the access is still there after its time limit".into(),
                )),
            };
        }
        if self.pending.ask_at(&order).is_none() {
            limited(bound.revoke(&order)).await?;
        }
        match limited(bound.status(&order)).await? {
            Presence::Absent => Ok(Found::Gone(Removal::Removed)),
            Presence::Present => Err(BackendError::Retry(
                "the access is still there after it was revoked".into(),
            )),
        }
    }

    /// What the grantee left behind in the target of a layer whose access is over. A target that cannot
    /// say delays the record for a moment, [bounded](super::unsearched) for all layers of the request
    /// together, and fails nothing.
    async fn leftovers(&self, request: &Request, layer: usize) -> Leftovers {
        let plan = &request.layers[layer].plan;
        let search = async {
            let bound = self.bind(plan)?;
            bound.leftovers(&order(request, layer)).await
        };
        let (target, now) = (&plan.backend, self.clock.now());
        let why = match self.unsearched.time_left(target, request.id, now) {
            Err(why) => why.to_owned(),
            Ok(left) => {
                let begun = Instant::now();
                let found = timeout(left, search).await;
                let now = self.clock.now();
                self.unsearched
                    .note(target, request.id, begun.elapsed(), now);
                match found {
                    Ok(Ok(leftovers)) => return leftovers,
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the target did not answer in time".to_owned(),
                }
            }
        };
        tracing::warn!(
            request.id = %request.id, layer, error = %excerpt(&why),
            "failed to search a target for leftovers of a grant; the grant ends without the search"
        );
        Leftovers::default().but_unsearched(&excerpt(&why))
    }

    /// Refuses to call a layer gone while an order to grant it may still take effect. It is read back
    /// again after that.
    fn check_settled(&self, request: &Request, layer: usize) -> Result<(), Unfinished> {
        let now = self.clock.now();
        match request.late_effects_until(layer) {
            Some(settled) if now < settled => {
                // Until then its status is not asked again.
                self.pending
                    .remember(&order(request, layer), now, settled, now);
                Err(Unfinished::Pending(settled))
            }
            _ => Ok(()),
        }
    }

    /// Inspects a layer that is gone once more. Access that is there again, and that no other grant
    /// gives, took effect late or was brought back: it is revoked again.
    pub(crate) async fn inspect_again(
        &self,
        loaded: Loaded,
        layer: usize,
    ) -> Result<(), Unfinished> {
        self.check_pending(&order(&loaded.request, layer))?;
        let plan = &loaded.request.layers[layer].plan;
        if let Err(error) = self.bind(plan) {
            let error = error.to_string();
            let command = Command::AbandonInspection { layer, error };
            self.broker.record(loaded, command, None).await?;
            return Ok(());
        }
        let claims = self.broker.claims();
        let _alone = self.mutexes.alone(claims, &plan.entitlement).await?;
        let loaded = self.reload(&loaded, &Work::InspectAgain { layer }).await?;
        let request = &loaded.request;
        let plan = &request.layers[layer].plan;
        let order = order(request, layer);
        // Another grant that gives the access is inspected when it ends.
        let is_given = |sharers: &Sharers| sharers.proven.iter().any(|other| other.managed);
        let receipt = request.layers[layer].receipt.as_ref();
        let sharers = self.sharing(plan, receipt, request.id).await?;
        let present = match is_given(&sharers) {
            true => false,
            false => match self.is_present(request, layer).await {
                Ok(Presence::Absent) => false,
                Ok(Presence::Present) => {
                    // The rows that say who shares it may be gone.
                    let logged = self.sharing_in_log(plan, receipt, request.id);
                    !is_given(&logged.await?)
                }
                Err(error) => {
                    tracing::warn!(
                        request.id = %request.id, layer, %error, cause = root_cause(&error),
                        "failed to inspect a layer after its grant ended; Keylend retries"
                    );
                    let now = self.clock.now();
                    let again = now + self.entropy.jittered(INSPECTION_PAUSE);
                    self.pending.remember(&order, now, again, now);
                    return Err(Unfinished::Pending(again));
                }
            },
        };
        if present {
            tracing::error!(
                request.id = %request.id, layer,
                "access is back after its grant ended; Keylend revokes it again"
            );
        }
        self.pending.forget(&plan.handle);
        let command = Command::InspectedLater { layer, present };
        self.broker.record(loaded, command, None).await?;
        Ok(())
    }

    /// Inspects once more what is left to inspect of a request in targets that the configuration has no
    /// more, whose lanes nobody works on: the inspection is given up.
    pub(crate) async fn inspect_removed_targets(&self, id: RequestId) -> Result<(), Unfinished> {
        let request = self.broker.load(id).await?.request;
        for due in request.due() {
            let Work::InspectAgain { layer } = due.work else {
                continue;
            };
            if !self
                .backends
                .contains_key(&request.layers[layer].plan.backend)
            {
                let loaded = self.broker.load(id).await?;
                self.inspect_again(loaded, layer).await?;
            }
        }
        Ok(())
    }

    async fn is_present(&self, request: &Request, layer: usize) -> Result<Presence, BackendError> {
        let bound = self.bind(&request.layers[layer].plan)?;
        limited(bound.status(&order(request, layer))).await
    }
}
