//! What a target needs from time to time, whether or not anything is due: see [`Backend::tend`].
//!
//! [`Backend::tend`]: crate::backend::Backend::tend

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::domain::BackendName;

/// How long to wait after it went well, and at most that again by chance.
const EVERY: Duration = Duration::from_secs(45);

/// How long to wait after a failure, and at most that again by chance.
const AGAIN: Duration = Duration::from_secs(5);

/// Tends the target until `shutdown`.
pub(super) async fn run(worker: Arc<Worker>, name: BackendName, shutdown: CancellationToken) {
    let mut is_failing = false;
    loop {
        let tended = tokio::select! {
            () = shutdown.cancelled() => return,
            tended = worker.provisioner.tend(&name) => tended,
        };
        let pause = match tended {
            Ok(()) => EVERY,
            Err(_) => AGAIN,
        };
        match tended {
            Ok(()) => is_failing = false,
            Err(error) if !std::mem::replace(&mut is_failing, true) => {
                tracing::warn!(backend = %name, %error, "failed to maintain a target; Keylend retries");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(worker.entropy.jittered(pause)) => {}
        }
    }
}
