//! The patrol: looks over everything once a minute, for what was left undone and is due to nobody.
//!
//! One replica does it. It looks at the locks more often, lifts those whose time is over, and goes
//! round at once when they have changed: the replica that locked may have died before the grants were ended.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::{broker::Error, domain::Lock};

/// What is claimed by the replica that goes round.
const CLAIM: &str = "patrol";

/// How often it goes round.
const EVERY: Duration = Duration::from_secs(60);

/// How often the locks are looked at, and the claim is asked for.
const LOOK: Duration = Duration::from_secs(2);

/// Goes round whenever no other replica does, until `shutdown`.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    let patrol = async {
        loop {
            match worker.broker.claims().claim(CLAIM).await {
                Ok(Some(claim)) => tokio::select! {
                    biased;
                    () = claim.lost() => {
                        tracing::warn!(claim.name = CLAIM, "claim lost");
                    }
                    never = go_round(&worker) => match never {},
                },
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        %error, claim.name = CLAIM,
                        "failed to acquire a claim; Keylend retries"
                    );
                }
            }
            sleep(LOOK).await;
        }
    };
    shutdown.run_until_cancelled(patrol).await;
}

async fn go_round(worker: &Worker) -> Infallible {
    let mut last: Option<(Vec<Lock>, Instant)> = None;
    let mut has_begun = false;
    let mut is_failing = false;
    loop {
        let looked = async {
            once(worker, &mut last).await?;
            // The catalogue is the same for as long as the process lives, and no secret is lost
            // while it works.
            if !has_begun {
                worker.broker.revise_all().await?;
                worker.broker.end_without_credentials().await?;
                has_begun = true;
            }
            Ok::<_, Error>(())
        };
        match looked.await {
            Ok(()) => is_failing = false,
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "failed to patrol; Keylend retries");
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// Goes round if it is time to.
async fn once(worker: &Worker, last: &mut Option<(Vec<Lock>, Instant)>) -> Result<(), Error> {
    let mut locks = worker.broker.locks().await?;
    if worker.broker.lift_over(&locks).await? {
        locks = worker.broker.locks().await?;
    }
    let is_due = match last {
        Some((known, at)) => *known != locks || at.elapsed() >= EVERY,
        None => true,
    };
    if is_due {
        let ended = worker.broker.end_covered(&locks).await?;
        if ended > 0 {
            tracing::warn!(ended, "ended grants that a lock covers");
        }
        *last = Some((locks, Instant::now()));
    }
    Ok(())
}
