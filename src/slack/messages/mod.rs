//! The messenger: what Slack is told, and told again until it has it.
//!
//! Cards ([`Place`](crate::store::Place)) are level-triggered: whatever a card shows, it is made to
//! show the request as it is now. Feeds tell each entry of the log once, in order. Both read only
//! what is committed, so nothing is announced that has not happened.
//!
//! What survives a crash: which message shows which card and how far each feed has told are in the
//! store, written after Slack has answered. A crash, or a lost answer, between the two makes one
//! message appear twice; none is lost. One messenger serves one store.

mod cards;
mod feeds;

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::client::{Client, SlackError};
use crate::{
    clock::{Clock, Entropy},
    domain::{ChannelId, Request, Span, backoff},
    store::{Store, StoreError},
};

/// How long a message that is on its way has, once the messenger is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// First posts that are not kept apart from each other.
const STRIPES: usize = 32;

/// Whether a request comes with credentials to show.
pub type HasCredentials = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// Keeps what Slack shows in step with the store.
pub struct Messenger {
    store: Arc<dyn Store>,
    client: Client,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    audit_channel: ChannelId,
    has_credentials: HasCredentials,
    /// A head is posted by the cards' loop or by the feed that needs its thread, not by both.
    first_posts: [Mutex<()>; STRIPES],
}

impl Messenger {
    /// A messenger from `store` to Slack. `audit_channel` is where the audit feed is written.
    pub fn new(
        store: Arc<dyn Store>,
        client: Client,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        audit_channel: ChannelId,
        has_credentials: HasCredentials,
    ) -> Self {
        Self {
            store,
            client,
            clock,
            entropy,
            audit_channel,
            has_credentials,
            first_posts: Default::default(),
        }
    }

    /// Works until `shutdown`, then finishes the messages that are on their way, within five
    /// seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let this = Arc::new(self);
        let work = async {
            tokio::join!(
                this.show_cards(&shutdown),
                this.follow(feeds::Feed::Audit, &shutdown),
                this.follow(feeds::Feed::Mirror, &shutdown),
                this.follow(feeds::Feed::Notices, &shutdown),
            )
        };
        let overdue = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            _ = work => {}
            () = overdue => tracing::warn!("stopped with messages to Slack on their way"),
        }
    }

    /// Does `what` until it succeeds, waiting longer and longer; nothing if told to stop first.
    async fn insist<T, F>(&self, shutdown: &CancellationToken, what: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        for failures in 1.. {
            match what().await {
                Ok(done) => return Some(done),
                Err(error) => tracing::warn!(%error, failures, "the store does not answer"),
            }
            self.wait(self.retry_after(failures), shutdown).await?;
        }
        None
    }

    /// Waits by the clock; nothing if told to stop first.
    async fn wait(&self, time: Duration, shutdown: &CancellationToken) -> Option<()> {
        let over = self.clock.now() + time;
        tokio::select! {
            () = shutdown.cancelled() => None,
            () = self.clock.until(over) => Some(()),
        }
    }

    /// How long to wait after so many failures in a row.
    fn retry_after(&self, failures: u32) -> Duration {
        let mut jitter = [0];
        self.entropy.fill(&mut jitter);
        backoff(failures, Span::seconds(1), Span::minutes(5), jitter[0])
    }
}

/// Why a message did not get to where it belongs.
#[derive(Debug)]
enum Trouble {
    Store(StoreError),
    Slack(SlackError),
}

impl Trouble {
    /// Whether trying again makes no sense.
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Slack(error) if error.is_permanent())
    }

    /// How long Slack asks to wait, if it does.
    fn asked_to_wait(&self) -> Option<Duration> {
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
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SlackError> for Trouble {
    fn from(error: SlackError) -> Self {
        Self::Slack(error)
    }
}
