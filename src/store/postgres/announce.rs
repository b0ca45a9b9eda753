//! Hints to the other replicas that there is something to look at.
//!
//! They are sent after the commit, over a connection of their own, and only once for all that was
//! committed meanwhile. Every user of the database can fill the server's queue of notifications, and
//! then a transaction with one in it fails. So a hint that cannot be sent is left out: who hears
//! nothing looks by itself.

use std::time::Duration;

use sqlx::PgPool;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    follow::{DOCUMENTS_DUE, LOG_MOVED, OUTDATED},
    writer::Own,
};
use crate::store::{StoreError, answer::answer};

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends hints about what this replica does.
pub(super) struct Announcer {
    /// For the one connection that sends.
    pub(super) sending: PgPool,
    pub(super) own: watch::Receiver<Own>,
}

impl Announcer {
    /// Sends hints until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.announce()).await;
    }

    async fn announce(&mut self) {
        let mut is_failing = false;
        let mut announced = *self.own.borrow_and_update();
        while self.own.changed().await.is_ok() {
            let own = *self.own.borrow_and_update();
            match self.send(announced, own).await {
                Ok(()) => {
                    announced = own;
                    if std::mem::take(&mut is_failing) {
                        tracing::info!("announcing commits to other replicas again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(
                            %error,
                            "failed to announce commits to other replicas; they find them up to a second later"
                        );
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn send(&self, announced: Own, own: Own) -> Result<(), StoreError> {
        let moved = [
            (LOG_MOVED, own.head != announced.head),
            (DOCUMENTS_DUE, own.documents != announced.documents),
            (OUTDATED, own.facts != announced.facts),
        ];
        let channels: Vec<&str> = moved
            .into_iter()
            .filter_map(|(channel, has_moved)| has_moved.then_some(channel))
            .collect();
        let sending =
            sqlx::query("SELECT pg_notify(channel, '') FROM unnest($1::text[]) AS channel")
                .bind(channels)
                .execute(&self.sending);
        answer("tell the other replicas", sending).await.map(drop)
    }
}
