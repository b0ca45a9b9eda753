//! What incident channels and people are told: each of them by itself, in the log's order. One that Slack
//! holds back, or that cannot be reached, keeps what it missed and holds up nobody else.

use std::{collections::HashSet, sync::Arc};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Messenger, feeds::Feed, notices::together};
use crate::{
    clock::until_any,
    domain::{ChannelId, Time},
    presentation::Backlog,
    store::StoreError,
};

/// Backlogs that are looked at together.
const BATCH: u32 = 100;

/// How many channels and people are told something at once.
const AT_ONCE: usize = 8;

impl Messenger {
    /// Tells everybody what they are still to be told, until told to stop.
    pub(super) async fn tell_backlogs(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut busy: HashSet<(String, ChannelId)> = HashSet::new();
        let mut running = JoinSet::new();
        while !shutdown.is_cancelled() {
            // Seen before the backlogs are asked for: what is added in between wakes us.
            let added = self.backlogged.notified();
            let now = self.retry.clock.now();
            let due = || self.due_backlogs(now);
            let Some((due, next)) = self.retry.retry_forever(shutdown, due).await else {
                break;
            };
            for backlog in due {
                let key = (backlog.feed.clone(), backlog.channel.clone());
                if busy.len() < AT_ONCE && busy.insert(key.clone()) {
                    let (messenger, shutdown) = (self.clone(), shutdown.clone());
                    running.spawn(async move {
                        messenger.tell_backlog(backlog, &shutdown).await;
                        key
                    });
                }
            }
            let turn = until_any(&*self.retry.clock, next);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(told) = running.join_next() => match told {
                    Ok(key) => drop(busy.remove(&key)),
                    Err(error) => {
                        tracing::error!(%error, "posting missed messages panicked; Keylend retries");
                        // Which one is not known: all of them are looked at anew.
                        busy.clear();
                    }
                },
                () = added => {}
                () = turn => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn due_backlogs(&self, now: Time) -> Result<(Vec<Backlog>, Option<Time>), StoreError> {
        let due = self.backlogs.due(now, BATCH).await?;
        Ok((due, self.backlogs.next(now).await?))
    }

    /// Tells a channel or a person all that is there, or notes when to try again; nothing if told to stop.
    async fn tell_backlog(&self, mut backlog: Backlog, shutdown: &CancellationToken) -> Option<()> {
        let Some(feed) = Feed::named(&backlog.feed) else {
            tracing::error!(
                backlog.feed,
                "failed to post missed messages: this version does not know the feed"
            );
            let rest = || self.backlogs.failed(&backlog, None);
            return self.retry.retry_forever(shutdown, rest).await;
        };
        if backlog.told >= backlog.until {
            // It was touched, and has missed nothing.
            self.was_told(&backlog, backlog.told, shutdown).await?;
            return Some(());
        }
        if feed == Feed::Approvers {
            return self.tell_calls(backlog, shutdown).await;
        }
        while backlog.told < backlog.until {
            let (told, until) = (backlog.told, backlog.until);
            let parcels = || self.parcels(feed, told, until);
            let (parcels, read) = self.retry.retry_forever(shutdown, parcels).await?;
            let mut here = Vec::new();
            for parcel in parcels {
                let destinations = self.destinations(feed, &parcel).await;
                let mut destinations = destinations.into_iter();
                if let Some(it) = destinations.find(|it| it.channel == backlog.channel) {
                    here.push((it, parcel));
                }
            }
            let told_here = match feed {
                Feed::Notices => together(here),
                Feed::Audit
                | Feed::Mirror
                | Feed::Approvers
                | Feed::Reviewers
                | Feed::Questions => here,
            };
            for (here, parcel) in told_here {
                if shutdown.is_cancelled() {
                    return None;
                }
                let failures = backlog.failures;
                if let Err(retry_at) = self.try_deliver(&here, &parcel, failures, shutdown).await {
                    let put_off = || self.backlogs.failed(&backlog, retry_at);
                    return self.retry.retry_forever(shutdown, put_off).await;
                }
                backlog = self.was_told(&backlog, parcel.through, shutdown).await?;
            }
            // Nothing more to read means that the rest is not about it.
            let through = if read > told { read } else { until };
            backlog = self.was_told(&backlog, through, shutdown).await?;
        }
        Some(())
    }

    pub(super) async fn was_told(
        &self,
        backlog: &Backlog,
        seq: u64,
        shutdown: &CancellationToken,
    ) -> Option<Backlog> {
        let now = self.retry.clock.now();
        let note = || self.backlogs.told(backlog, seq, now);
        self.retry.retry_forever(shutdown, note).await
    }
}
