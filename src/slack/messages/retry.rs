//! Trying again: until the store answers, and later and later where Slack does not.

use std::{fmt, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    broker::Error,
    clock::{Clock, Entropy},
    domain::{Span, Time, backoff},
    slack::client::SlackError,
    store::StoreError,
};

/// How long what is on its way has, once everything is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Waiting by the clock, with jitter: those who failed together do not come back together.
pub(super) struct Retry {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Retry {
    /// Does `what` until it succeeds, waiting longer and longer; nothing if told to stop first.
    pub(super) async fn retry_forever<T, F>(
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
                Err(error) => tracing::warn!(%error, failures, "the store does not answer"),
            }
            self.wait(self.after(failures), shutdown).await?;
        }
        None
    }

    /// Waits by the clock; nothing if told to stop first.
    pub(super) async fn wait(&self, time: Duration, shutdown: &CancellationToken) -> Option<()> {
        self.wait_until(self.clock.now() + time, shutdown).await
    }

    /// Waits for a moment of the clock; nothing if told to stop first.
    pub(super) async fn wait_until(
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
    pub(super) fn after(&self, failures: u32) -> Duration {
        backoff(
            failures,
            Span::seconds(1),
            Span::minutes(5),
            self.entropy.byte(),
        )
    }
}

/// Lets `work` end by itself after `shutdown`, within five seconds; false if it did not.
pub(super) async fn within_grace<T>(
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

/// Why a message did not get to where it belongs.
#[derive(Debug)]
pub(super) enum Trouble {
    Store(StoreError),
    Slack(SlackError),
    Broker(Error),
}

impl Trouble {
    /// Whether trying again makes no sense.
    pub(super) fn is_permanent(&self) -> bool {
        matches!(self, Self::Slack(error) if error.is_permanent())
    }

    /// Slack's refusal, if it is about the channel and not about the message.
    pub(super) fn of_the_channel(&self) -> Option<&SlackError> {
        match self {
            Self::Slack(error) if error.is_of_the_channel() => Some(error),
            _ => None,
        }
    }

    /// Slack's refusal, if it is about the app or its token.
    pub(super) fn of_the_installation(&self) -> Option<&SlackError> {
        match self {
            Self::Slack(error) if error.is_of_the_installation() => Some(error),
            _ => None,
        }
    }

    /// How long Slack asks to wait, if it does.
    pub(super) fn asked_to_wait(&self) -> Option<Duration> {
        match self {
            Self::Slack(SlackError::RateLimited { retry_after }) => Some(*retry_after),
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Slack(error) => error.fmt(f),
            Self::Broker(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}

impl From<SlackError> for Trouble {
    fn from(error: SlackError) -> Self {
        Self::Slack(error)
    }
}
