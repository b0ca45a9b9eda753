//! What other replicas write, heard as soon as they have: by `LISTEN`, with a slow look behind it
//! for what was said while nobody heard.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    PostgresStore,
    line::{HOMES_TOUCHED, LOG_MOVED, OUTDATED},
    log,
    writer::News,
};
use crate::store::{Fact, StoreError, answer::answer};

/// How often the log is looked at while nothing is heard.
const POLL: Duration = Duration::from_secs(1);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How one replica follows the others.
pub(super) struct Follower {
    /// For the one connection that listens.
    pub(super) listening: PgPool,
    pub(super) reads: PgPool,
    pub(super) news: News,
    pub(super) outdated: broadcast::Sender<Fact>,
}

impl Follower {
    /// Passes on what is heard, until `shutdown`.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let following = async {
            let mut is_failing = false;
            loop {
                let Err(error) = self.listen(&mut is_failing).await;
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "the other replicas are not heard; the log is looked at");
                }
                sleep(PAUSE).await;
            }
        };
        shutdown.run_until_cancelled(following).await;
    }

    async fn listen(&self, is_failing: &mut bool) -> sqlx::Result<std::convert::Infallible> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        listener
            .listen_all([LOG_MOVED, HOMES_TOUCHED, OUTDATED])
            .await?;
        // Something may have been said before.
        self.is_outdated(Fact::Any);
        loop {
            let (seq, _) = log::last(&mut *self.reads.acquire().await?).await?;
            self.news.reaches(seq);
            self.news.homes();
            if std::mem::take(is_failing) {
                tracing::info!("the other replicas are heard again");
            }
            // A connection that was lost is replaced by the listener, which then says nothing.
            while let Ok(said) = timeout(POLL, listener.try_recv()).await {
                let Some(said) = said? else {
                    self.is_outdated(Fact::Any);
                    break;
                };
                match (said.channel(), said.payload().parse()) {
                    (LOG_MOVED, Ok(seq)) => self.news.reaches(seq),
                    (OUTDATED, _) => {
                        let fact = serde_json::from_str(said.payload());
                        self.is_outdated(fact.unwrap_or(Fact::Any));
                    }
                    _ => self.news.homes(),
                }
            }
        }
    }

    fn is_outdated(&self, fact: Fact) {
        // If nobody hears it, nobody knows anything.
        let _ = self.outdated.send(fact);
    }
}

impl PostgresStore {
    /// Tells all replicas, this one too.
    pub(super) async fn tell(&self, fact: &Fact) -> Result<(), StoreError> {
        let fact = serde_json::to_string(fact).expect("a fact can be written as JSON");
        let telling = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(OUTDATED)
            .bind(fact)
            .execute(&self.reads);
        answer("tell the other replicas", telling).await.map(drop)
    }

    pub(super) fn told(&self) -> Option<broadcast::Receiver<Fact>> {
        Some(self.outdated.subscribe())
    }
}
