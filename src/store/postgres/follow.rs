//! What other replicas write, heard by `LISTEN` as soon as they have, with a slow look behind it for
//! what was said while nobody heard.
//!
//! Every user of the database can send a notification on any channel. So one is only a hint to look,
//! what it says is not read, and looks are rare enough that a flood of hints costs little.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{log, writer::Notifier};
use crate::store::{Invalidation, StoreKey, answer::PATIENCE};

/// The log has moved.
pub(super) const LOG_MOVED: &str = "keylend_log";

/// Documents may have got their turn.
pub(super) const DOCUMENTS_DUE: &str = "keylend_documents";

/// Facts about people are outdated.
pub(super) const OUTDATED: &str = "keylend_outdated";

/// How often everything is looked at while nothing is heard.
const POLL: Duration = Duration::from_secs(1);

/// How often the log's head is looked at at most.
const HEAD: Duration = Duration::from_millis(20);

/// How often everything else is looked at at most.
const REST: Duration = Duration::from_millis(200);

/// Hints that are taken in between two looks. The server keeps the others, and they say nothing that
/// the next look does not see.
const HINTS: usize = 64;

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How long after the last look the next one still sees everything that was told in between. With
/// the time that telling may take it is less than what [`outdated`] looks at.
const REMEMBERED: Duration = Duration::from_secs(8);

/// How one replica follows the others.
pub(super) struct Follower {
    /// For the one connection that listens.
    pub(super) listening: PgPool,
    pub(super) reads: PgPool,
    pub(super) news: Notifier,
    /// The key of the entries' authentication codes: only what Keylend wrote is news.
    pub(super) key: StoreKey,
    pub(super) outdated: broadcast::Sender<Invalidation>,
}

/// What was told lately, and when it was looked at.
struct Told {
    facts: HashMap<String, String>,
    at: Instant,
}

impl Follower {
    /// Passes on what there is, until `shutdown`.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let following = async {
            let (mut is_failing, mut told) = (false, None);
            loop {
                let Err(error) = self.listen(&mut is_failing, &mut told).await;
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "failed to listen for commits of other replicas; polling the log");
                }
                sleep(PAUSE).await;
            }
        };
        shutdown.run_until_cancelled(following).await;
    }

    async fn listen(
        &self,
        is_failing: &mut bool,
        told: &mut Option<Told>,
    ) -> sqlx::Result<Infallible> {
        let listening = async {
            let mut listener = PgListener::connect_with(&self.listening).await?;
            listener
                .listen_all([LOG_MOVED, DOCUMENTS_DUE, OUTDATED])
                .await?;
            Ok(listener)
        };
        let mut listener = in_time(listening).await?;
        let mut rest_at = Instant::now();
        loop {
            let looked_at = Instant::now();
            in_time(self.look_at_log()).await?;
            if looked_at >= rest_at {
                self.news.documents();
                in_time(self.look_for_outdated(told)).await?;
                rest_at = looked_at + POLL;
            }
            if std::mem::take(is_failing) {
                tracing::info!("listening for commits of other replicas again");
            }
            sleep_until(looked_at + HEAD).await;
            if hear(&mut listener, rest_at).await? {
                rest_at = rest_at.min(looked_at + REST);
            }
        }
    }

    async fn look_at_log(&self) -> sqlx::Result<()> {
        let seq = log::head(&mut *self.reads.acquire().await?, Some(&self.key)).await?;
        self.news.reaches(seq);
        Ok(())
    }

    /// Passes on what was told since the last look; everything where that was too long ago.
    async fn look_for_outdated(&self, told: &mut Option<Told>) -> sqlx::Result<()> {
        let at = Instant::now();
        let facts = outdated(&self.reads).await?;
        match told {
            Some(before) if at.duration_since(before.at) <= REMEMBERED => {
                let news = facts
                    .iter()
                    .filter(|(fact, at)| before.facts.get(*fact) != Some(at));
                for (fact, _) in news {
                    let fact = serde_json::from_str(fact);
                    self.is_outdated(fact.unwrap_or(Invalidation::Any));
                }
            }
            _ => self.is_outdated(Invalidation::Any),
        }
        *told = Some(Told { facts, at });
        Ok(())
    }

    fn is_outdated(&self, fact: Invalidation) {
        // If nobody hears it, nobody knows anything.
        let _ = self.outdated.send(fact);
    }
}

/// Waits for the database, but not for ever.
async fn in_time<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// Waits for a hint, and takes in those that are there already. Answers whether there may be more to
/// look at than the log.
async fn hear(listener: &mut PgListener, until: Instant) -> sqlx::Result<bool> {
    let Ok(first) = timeout_at(until, listener.try_recv()).await else {
        return Ok(true);
    };
    let (mut said, mut rest) = (first?, false);
    for _ in 0..HINTS {
        match said {
            Some(hint) => rest |= hint.channel() != LOG_MOVED,
            // The listener has replaced a connection that was lost.
            None => return Ok(true),
        }
        said = match timeout(Duration::ZERO, listener.try_recv()).await {
            Ok(next) => next?,
            Err(_) => break,
        };
    }
    Ok(rest)
}

/// What was told lately, each with the moment when.
async fn outdated(reads: &PgPool) -> sqlx::Result<HashMap<String, String>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT fact, told_at::text FROM outdated
         WHERE told_at > clock_timestamp() - interval '15 seconds'",
    )
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().collect())
}
