//! Trying again: until the store answers, and later and later where a surface does not.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, Entropy},
    domain::{Span, Time, backoff},
    store::StoreError,
};

/// How long what is on its way has, once everything is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Waiting by the clock, with jitter: those who failed together do not come back together.
pub(crate) struct Retry {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Retry {
    /// Does `what` until it succeeds, waiting longer and longer; nothing if told to stop first.
    pub(crate) async fn retry_forever<T, F>(
        &self,
        shutdown: &CancellationToken,
        what: impl Fn() -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        for failures in 1.. {
            match what().await {
                Ok(done) => return Some(done),
                Err(error) => {
                    tracing::warn!(%error, failures, "failed to reach the store; Keylend retries")
                }
            }
            self.wait(self.after(failures), shutdown).await?;
        }
        None
    }

    /// Waits by the clock; nothing if told to stop first.
    pub(crate) async fn wait(&self, time: Duration, shutdown: &CancellationToken) -> Option<()> {
        self.wait_until(self.clock.now() + time, shutdown).await
    }

    /// Waits for a moment of the clock; nothing if told to stop first.
    pub(crate) async fn wait_until(
        &self,
        moment: Time,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => None,
            () = self.clock.until(moment) => Some(()),
        }
    }

    /// How long to wait after so many failures in a row.
    pub(crate) fn after(&self, failures: u32) -> Duration {
        backoff(
            failures,
            Span::seconds(1),
            Span::minutes(5),
            self.entropy.byte(),
        )
    }
}

/// Lets `work` end by itself after `shutdown`, within five seconds; false if it did not.
pub(crate) async fn within_grace<T>(
    shutdown: &CancellationToken,
    work: impl Future<Output = T>,
) -> bool {
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        _ = work => true,
        () = overdue => false,
    }
}
