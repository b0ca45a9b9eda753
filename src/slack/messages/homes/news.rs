//! News: the log is followed for what may wait for somebody who has not been asked yet. Whom it
//! concerns, the groups say, and Slack may not tell at once: then it is asked again, and news of
//! others do not wait for it. The feed's place in the log moves when all is told, so a crash tells
//! some news twice, which touches a Home for nothing, and loses none.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::Homes;
use crate::{
    broker::Error,
    clock::until_any,
    domain::{Event, LockEvent, LockTarget, RequestId, Time, UserId},
    store::{Entry, EntryBody, Origin, StoreError, followed},
};

/// The feed's name in the store.
pub(in crate::slack::messages) const FEED: &str = "homes";

/// Entries that are read together.
const BATCH: u32 = 100;

/// How many entries without news are read before their place is noted.
const FAR: u64 = 1_000;

/// How often news are tried, which takes about half an hour. A group that Slack does not have must
/// not hold the feed for ever; whoever is concerned sees what waits when they open their Home.
const TRIES: u32 = 12;

/// Something new for people who are not known yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// What this person asks for may wait for somebody: it is new, or something that stood in its
    /// way is over.
    Of(UserId),
    /// What a lock stood in the way of may wait for somebody again, or who was locked decides no more.
    Lock(LockTarget),
}

/// News that are not told yet.
struct PendingRetry {
    failures: u32,
    /// When to try next.
    at: Time,
}

impl Homes {
    /// Touches the Homes of those whom something new concerns, until told to stop.
    pub(super) async fn follow(&self, shutdown: &CancellationToken) -> Option<()> {
        let clock = &self.retry.clock;
        let mut head = self.store().head();
        let mut read = self
            .retry
            .retry_forever(shutdown, || self.documents.cursor(FEED))
            .await?;
        let mut told = read;
        let mut owed: BTreeMap<News, PendingRetry> = BTreeMap::new();
        loop {
            let (news, through) = self
                .retry
                .retry_forever(shutdown, || self.news(read))
                .await?;
            let at = clock.now();
            for news in news {
                owed.insert(news, PendingRetry { failures: 0, at });
            }
            // Entries without news may as well be read again after a crash: to note each would be
            // one more write for everything that happens.
            let is_worth_noting = !owed.is_empty() || through - told >= FAR;
            self.tell(&mut owed).await;
            read = through;
            if is_worth_noting && owed.is_empty() {
                told = read;
                self.retry
                    .retry_forever(shutdown, || self.documents.move_cursor(FEED, told))
                    .await?;
            }
            let next = owed.values().map(|owed| owed.at).min();
            let turn = until_any(clock.as_ref(), next);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                moved = head.wait_for(|head| *head > read) => moved.map(drop).ok()?,
                () = turn => {}
            }
        }
    }

    /// What is new behind `read`, and up to which entry.
    async fn news(&self, read: u64) -> Result<(Vec<News>, u64), StoreError> {
        let entries = followed(&**self.store(), read, BATCH).await?;
        let through = entries.last().map_or(read, |entry| entry.seq);
        let written = entries.iter().filter(|raw| raw.origin != Origin::Forged);
        let entries = Entry::read_all(written)?;
        let mut news = Vec::new();
        for entry in &entries {
            match about(entry) {
                About::Lock(target) => news.push(News::Lock(target.clone())),
                About::Request(id) => {
                    let request = self.store().request(id).await?;
                    news.extend(request.map(|request| News::Of(request.requester)));
                }
                About::Nothing => {}
            }
        }
        Ok((news, through))
    }

    /// Tells what is owed and whose time has come.
    async fn tell(&self, owed: &mut BTreeMap<News, PendingRetry>) {
        let now = self.retry.clock.now();
        let due: Vec<News> = owed
            .iter()
            .filter(|(_, owed)| owed.at <= now)
            .map(|(news, _)| news.clone())
            .collect();
        for news in due {
            let told = self.tell_of(&news).await;
            let Some(still) = owed.get_mut(&news) else {
                continue;
            };
            match told {
                Ok(()) => drop(owed.remove(&news)),
                Err(error) if still.failures + 1 < TRIES => {
                    still.failures += 1;
                    still.at = now + self.retry.after(still.failures);
                    tracing::warn!(%error, "failed to find the App Homes to update; Keylend retries");
                }
                Err(error) => {
                    tracing::error!(
                        %error, ?news,
                        "failed to find the App Homes to update; they stay outdated until their next change"
                    );
                    owed.remove(&news);
                }
            }
        }
    }

    async fn tell_of(&self, news: &News) -> Result<(), Error> {
        let concerned = match news {
            News::Of(requester) => self.broker.concerned_by(requester).await?,
            News::Lock(target) => self.broker.concerned_by_lock(target).await?,
        };
        if !concerned.people.is_empty() {
            let now = self.retry.clock.now();
            self.records.touch(&concerned.people, now).await?;
        }
        match concerned.missing {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// What an entry has news about.
enum About<'a> {
    Request(RequestId),
    Lock(&'a LockTarget),
    Nothing,
}

fn about(entry: &Entry) -> About<'_> {
    match (&entry.body, entry.request_id) {
        (
            EntryBody::Request(
                Event::Requested { .. }
                | Event::ExtensionRequested { .. }
                // An approver whose approval was voided may be asked again.
                | Event::ApprovalVoided { .. }
                | Event::Revised { .. }
                // What its requester holds counts against what else they may get.
                | Event::Ended {}
                | Event::Failed { .. },
            ),
            Some(id),
        ) => About::Request(id),
        (
            EntryBody::Lock(
                LockEvent::Unlocked { target }
                | LockEvent::Locked {
                    target: target @ LockTarget::Person(_),
                    ..
                },
            ),
            _,
        ) => About::Lock(target),
        _ => About::Nothing,
    }
}
