//! Slack over Socket Mode: connections that we open, so that no address of ours need be public.
//!
//! Two connections are kept open, of the ten that an app may have over all its replicas. When Slack
//! takes one out of use, the next is opened first and the old one drains. Nothing here is signed:
//! TLS to the address that Slack named for our own token shows that a payload is Slack's.
//!
//! An envelope is acknowledged with what [`Receive`] answers, which is at once: long work goes on
//! after it. What nobody took is not acknowledged, so that Slack delivers it again.
//!
//! | to see | read |
//! |---|---|
//! | the messages | `envelope` |
//! | how a connection comes to be | `opening`, `pace` |
//! | one connection | `link` |
//! | which are open | `pool` |

mod connection;
mod envelope;
mod opening;
mod pace;
mod pool;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Reach, Receive};
use crate::{
    clock::{Clock, Entropy},
    metrics::Metrics,
    slack::client::Client,
};
use connection::{Shared, SocketConnection};
use opening::NotOpened;
use pace::Pace;
use pool::ConnectionPool;

/// How many connections are kept open: one may break without anybody noticing.
const CONNECTIONS: usize = 2;

/// How many envelopes are worked on at once.
const AT_ONCE: usize = 256;

/// What Socket Mode needs.
pub struct Parts {
    /// The way to Slack, with the app's token.
    pub client: Client,
    /// The app that the bot token is of, where Slack tells.
    pub app: Option<String>,
    /// Who takes what Slack delivers.
    pub receive: Arc<dyn Receive>,
    /// Whether Slack reaches us is told here.
    pub reach: watch::Sender<Reach>,
    /// Where acknowledgements are timed and connections counted.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where connections, and what is under way for them, run.
    pub tasks: TaskTracker,
    /// When it is cancelled, connections finish what is under way and close.
    pub shutdown: CancellationToken,
}

/// Keeps connections to Slack open until the shutdown.
pub async fn run(parts: Parts) {
    let Parts { client, app, .. } = parts;
    let shared = Arc::new(Shared {
        receive: parts.receive,
        pool: Arc::new(ConnectionPool::new(parts.reach, parts.metrics.clone())),
        metrics: parts.metrics,
        room: Arc::new(Semaphore::new(AT_ONCE)),
        tasks: parts.tasks,
        shutdown: parts.shutdown,
    });
    let shutdown = shared.shutdown.clone();
    let mut keeper = Supervisor {
        client,
        app,
        shared,
        pace: Pace::new(parts.clock, parts.entropy),
    };
    shutdown.run_until_cancelled(keeper.keep_open()).await;
}

/// Opens connections, one after the other: two would only be in each other's way with Slack.
struct Supervisor {
    client: Client,
    app: Option<String>,
    shared: Arc<Shared>,
    pace: Pace,
}

impl Supervisor {
    async fn keep_open(&mut self) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = places.clone().acquire_owned().await;
            let place = place.expect("places are never closed");
            if self.shared.pool.is_switched_off() {
                tracing::error!(
                    "Slack delivers nothing, because Socket Mode is off in the app's settings: turn \
                     it on there"
                );
                self.pace.while_switched_off().await;
            }
            self.pace.turn().await;
            self.open(place).await;
        }
    }

    async fn open(&mut self, place: OwnedSemaphorePermit) {
        match opening::open(&self.client, self.app.as_deref()).await {
            Ok(stream) => {
                tracing::info!("a Socket Mode connection is open");
                self.pace.opened();
                let link = SocketConnection::new(self.shared.clone(), stream, place);
                self.shared.tasks.spawn(link.run());
            }
            Err(NotOpened::SwitchedOff) => self.shared.pool.switched_off(),
            Err(error) => {
                tracing::error!(%error, "failed to open a Socket Mode connection; Keylend retries");
                self.pace.after_failure(error.retry_after()).await;
            }
        }
    }
}
