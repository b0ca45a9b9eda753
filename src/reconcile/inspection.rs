//! Looking for access that no request explains, while the service runs.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::find::{Error, Found, Target, Verdict, find};
use crate::{
    alerts::Alerts,
    backend::BackendError,
    clock::{Clock, Entropy},
    domain::{BackendName, Span, backoff},
    sanitize::excerpt,
    store::{Store, WorkClaims, work_alone},
};

/// What is claimed by the replica that looks.
const CLAIM: &str = "reconcile";

/// How long to wait before the claim is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to wait after the start, and at most that again by chance: what is due at the start is then
/// under way.
const FIRST: Duration = Duration::from_secs(30);

/// How long to wait after nothing was found, and at most that again by chance.
const EVERY: Duration = Duration::from_secs(12 * 60 * 60);

/// How long to wait after something was found, and at most that again by chance: the alert clears when
/// it is gone.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// How long to wait after a target did not answer: at first, and at most.
const RETRY: (Span, Span) = (Span::seconds(10), Span::minutes(60));

/// How many pieces of access an alert names.
const NAMED: usize = 3;

/// What an [`Inspection`] works with.
pub struct Parts {
    /// The targets.
    pub targets: Vec<Target>,
    /// The log.
    pub store: Arc<dyn Store>,
    /// Which replica looks.
    pub claims: Arc<dyn WorkClaims>,
    /// What somebody has to look at.
    pub alerts: Arc<Alerts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Looks whether a target has access that Keylend granted and that no request explains.
pub struct Inspection(Parts);

impl Inspection {
    /// Looks with `parts`.
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Looks whenever no other replica does, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.take_turns()).await;
    }

    async fn take_turns(&self) -> Infallible {
        let Parts {
            claims,
            targets,
            alerts,
            ..
        } = &self.0;
        loop {
            let looking = async {
                join_all(targets.iter().map(|target| self.look_at(target))).await;
            };
            if work_alone(&**claims, CLAIM, looking).await {
                // Another replica raises what is still there.
                targets
                    .iter()
                    .for_each(|target| alerts.clear(&alert(&target.name)));
            }
            sleep(PAUSE).await;
        }
    }

    /// Looks at one target again and again. One that is away, or hangs, delays no other.
    async fn look_at(&self, target: &Target) -> Infallible {
        let Parts {
            store,
            alerts,
            clock,
            entropy,
            ..
        } = &self.0;
        let mut wait = entropy.jittered(FIRST);
        let mut failures = 0;
        loop {
            clock.until(clock.now() + wait).await;
            // Where the clock jumps, others have a turn all the same.
            tokio::task::yield_now().await;
            wait = match find(target, &**store).await {
                Ok(found) => {
                    failures = 0;
                    let unexplained: Vec<&Found> = found.iter().filter(|it| is_own(it)).collect();
                    match text(&target.name, &unexplained) {
                        Some(text) => {
                            tracing::warn!(backend = %target.name, "{text}");
                            alerts.raise(alert(&target.name), text);
                            entropy.jittered(AGAIN)
                        }
                        None => {
                            alerts.clear(&alert(&target.name));
                            entropy.jittered(EVERY)
                        }
                    }
                }
                // It will not answer however often it is asked, as a receiver that lists nothing.
                Err(Error::Target(BackendError::Fail(failure))) => {
                    tracing::warn!(
                        backend = %target.name, error = excerpt(&failure.to_string()),
                        "failed to list the access that Keylend granted in a target; unexplained access \
                         is not detected there"
                    );
                    entropy.jittered(EVERY)
                }
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(
                            backend = %target.name, error = excerpt(&error.to_string()),
                            "failed to check a target for unexplained access; Keylend retries"
                        );
                    }
                    backoff(failures, RETRY.0, RETRY.1, entropy.byte())
                }
            };
        }
    }
}

/// Whether it may be this Keylend's.
fn is_own(found: &Found) -> bool {
    match found.verdict {
        Verdict::Unexplained | Verdict::Preexisting(_) | Verdict::Illegible => true,
        Verdict::Foreign(_) => false,
    }
}

fn alert(target: &BackendName) -> String {
    format!("unexplained_access:{target}")
}

/// What to do first, since it may be cut off in the end.
fn text(target: &BackendName, unexplained: &[&Found]) -> Option<String> {
    if unexplained.is_empty() {
        return None;
    }
    let one = |found: &&Found| {
        let access = &found.access;
        format!("{} ({})", excerpt(&access.holder), excerpt(&access.title))
    };
    let mut named: Vec<String> = unexplained.iter().take(NAMED).map(one).collect();
    if let more @ 1.. = unexplained.len().saturating_sub(NAMED) {
        named.push(format!("{more} more"));
    }
    Some(format!(
        "Run `keylend reconcile {target}`: Keylend granted access that no request explains to {}. It \
         doesn't end by itself.",
        named.join(", ")
    ))
}
