//! The feeds: each entry of the log told once, in order, to those who follow it, once it is known
//! under which card it belongs. The audit channel is told here, and nobody waits for it; what incident
//! channels and people are to be told goes to their backlogs.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{Messenger, Trouble, channels::is_personal};
use crate::{
    domain::{ChannelId, Event, Login, Request, RequestId, Time},
    presentation::{CURSOR, Card, Place, REBUILT},
    slack::{
        client::Message,
        view::{
            line::{is_loud, line, lock_line, notice},
            question::Told,
            reduced,
            review::to_reviewers,
            text,
        },
    },
    store::{Entry, EntryBody, Origin, StoreError},
};

/// Entries that are read together.
const BATCH: u32 = 100;

/// The longest message that lines are folded into, in characters as UTF-16 counts them.
const LONGEST: usize = 3_500;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feed {
    /// The audit channel: everything.
    Audit,
    /// The incident channels that a request is mirrored in.
    Mirror,
    /// The requester.
    Notices,
    /// The approvers, by mentions, direct messages and reminders.
    Approvers,
    /// The reviewers of break-glass, by direct messages; and, by reminders, the security channel.
    Reviewers,
    /// The approvers, of questions to the requester and of the answers.
    Questions,
}

impl Feed {
    /// Its name in the store.
    const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Mirror => "mirror",
            Self::Notices => "dm",
            Self::Approvers => "approvers",
            Self::Reviewers => "reviewers",
            Self::Questions => "questions",
        }
    }

    /// The feed of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Audit,
            Self::Mirror,
            Self::Notices,
            Self::Approvers,
            Self::Reviewers,
            Self::Questions,
        ];
        all.into_iter().find(|feed| feed.name() == name)
    }
}

/// The cursors at the end of a log from which a store is rebuilt: what the log tells was told.
pub(crate) const CURSORS: [&str; 8] = [
    Feed::Audit.name(),
    Feed::Mirror.name(),
    Feed::Notices.name(),
    Feed::Approvers.name(),
    Feed::Reviewers.name(),
    Feed::Questions.name(),
    super::homes::news::FEED,
    REBUILT,
];

/// Lines that go out as one message.
pub(super) struct Batch {
    /// What they are about; nothing for a lock.
    pub(super) request: Option<Request>,
    pub(super) text: String,
    /// The same for a channel that people of another company read; may be empty.
    pub(super) reduced: String,
    pub(super) is_loud: bool,
    /// What it tells of a question, in the feed of those.
    pub(super) question: Option<Told>,
    /// The first entry that they tell of.
    pub(super) from: u64,
    /// The last entry that they tell of.
    pub(super) through: u64,
}

/// Where a message goes.
pub(super) struct Destination {
    pub(super) channel: ChannelId,
    /// The card whose thread it belongs in.
    pub(super) head: Option<Place>,
}

impl Messenger {
    /// Tells what is in the log and was not told, until told to stop; answers nothing then.
    pub(super) async fn follow(&self, feed: Feed, shutdown: &CancellationToken) -> Option<()> {
        let name = feed.name();
        loop {
            // Seen before the log is read: a step that is taken in between wakes us.
            let followed = self.followed.notified();
            // Asked for anew: another replica may have gone on while this one stood still.
            let mut told = self
                .retry
                .retry_forever(shutdown, || self.documents.cursor(name))
                .await?;
            let until = self
                .retry
                .retry_forever(shutdown, || self.documents.cursor(CURSOR))
                .await?;
            let (parcels, read) = match feed {
                Feed::Approvers => {
                    let read = self.call_approvers(told, until, shutdown).await?;
                    (Vec::new(), read)
                }
                Feed::Audit | Feed::Mirror | Feed::Notices | Feed::Reviewers | Feed::Questions => {
                    self.retry
                        .retry_forever(shutdown, || self.parcels(feed, told, until))
                        .await?
                }
            };
            if feed == Feed::Audit {
                for parcel in parcels {
                    for destination in self.destinations(feed, &parcel).await {
                        self.deliver(&destination, &parcel, shutdown).await?;
                    }
                    told = parcel.through;
                    self.retry
                        .retry_forever(shutdown, || self.documents.move_cursor(name, told))
                        .await?;
                }
            } else {
                self.hand_over(feed, &parcels, shutdown).await?;
            }
            if read > told {
                told = read;
                self.retry
                    .retry_forever(shutdown, || self.documents.move_cursor(name, told))
                    .await?;
            }
            if told < until {
                continue;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = followed => {}
            };
        }
    }

    /// Adds to the backlog of everybody who is to be told.
    async fn hand_over(
        &self,
        feed: Feed,
        parcels: &[Batch],
        shutdown: &CancellationToken,
    ) -> Option<()> {
        let mut ranges: BTreeMap<ChannelId, (u64, u64)> = BTreeMap::new();
        for parcel in parcels {
            for destination in self.destinations(feed, parcel).await {
                let range = ranges.entry(destination.channel);
                range.or_insert((parcel.from, 0)).1 = parcel.through;
            }
        }
        self.add_to_backlogs(feed, &ranges, shutdown).await
    }

    /// Adds entries, from the first to the last, to the backlog of each channel and person.
    pub(super) async fn add_to_backlogs(
        &self,
        feed: Feed,
        ranges: &BTreeMap<ChannelId, (u64, u64)>,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        let now = self.retry.clock.now();
        for (channel, (from, through)) in ranges {
            let add = || {
                self.backlogs
                    .add(feed.name(), channel, *from, *through, now)
            };
            self.retry.retry_forever(shutdown, add).await?;
        }
        if !ranges.is_empty() {
            self.backlogged.notify_waiters();
        }
        Some(())
    }

    /// What is to be told of the next entries up to `until`, and the last of them.
    pub(super) async fn parcels(
        &self,
        feed: Feed,
        told: u64,
        until: u64,
    ) -> Result<(Vec<Batch>, u64), StoreError> {
        let mut entries = self.store.raw_entries(told, BATCH).await?;
        entries.retain(|entry| entry.seq <= until);
        let read = entries.last().map_or(told, |entry| entry.seq);
        // What Keylend did not write is not told as if it had happened. An alert names it.
        entries.retain(|entry| entry.origin != Origin::Forged);
        let entries = entries.iter().map(Entry::try_from);
        let entries: Vec<Entry> =
            entries
                .collect::<Result<_, _>>()
                .map_err(|source| StoreError {
                    doing: "read the log",
                    source: source.into(),
                })?;
        let mut parcels: Vec<Batch> = Vec::new();
        // Whoever approves has to see what they approve, so no approval channel is reduced.
        let is_whole = matches!(feed, Feed::Notices | Feed::Reviewers | Feed::Questions);
        let reduces = !is_whole && self.client.reduces();
        let same = |one: &Entry, next: &Entry| one.request_id == next.request_id;
        for entries in entries.chunk_by(same) {
            let request = match entries[0].request_id {
                Some(id) => self.store.request(id).await?,
                None => None,
            };
            let reduced_request = request.as_ref().filter(|_| reduces).map(reduced::request);
            let first = parcels.len();
            for entry in entries {
                let logins = request.as_ref().map(|now| (self.logins)(now));
                let logins = logins.unwrap_or_default();
                let line = match (feed, &request) {
                    (Feed::Questions, Some(request)) => self.question_line(entry, request),
                    _ => said(feed, entry, request.as_ref(), &logins),
                };
                let Some(line) = line else {
                    continue;
                };
                let reduced = reduced::entry(entry).filter(|_| reduces);
                let reduced =
                    reduced.and_then(|entry| said(feed, &entry, reduced_request.as_ref(), &[]));
                // The audit channel is told of the rest by an alert.
                let reappeared = matches!(
                    entry.body,
                    EntryBody::Request(Event::LayerReappeared { .. })
                );
                let event = match &entry.body {
                    EntryBody::Request(event) => Some(event),
                    _ => None,
                };
                let broke_glass = matches!(event, Some(Event::GlassBroken { .. }));
                let is_loud = match feed {
                    // A reply in the thread of a direct message notifies nobody who has not written there.
                    Feed::Notices => true,
                    Feed::Reviewers => matches!(event, Some(Event::ReviewReminded { .. })),
                    _ => {
                        (feed == Feed::Mirror || reappeared || broke_glass)
                            && request.as_ref().is_some_and(|now| is_loud(entry, now))
                    }
                };
                match parcels[first..].last_mut() {
                    // Each question has its own place, and whoever asked it.
                    Some(parcel) if feed != Feed::Questions && fits(&parcel.text, &line) => {
                        push_line(&mut parcel.text, &line);
                        push_line(&mut parcel.reduced, &reduced.unwrap_or_default());
                        parcel.is_loud |= is_loud;
                        parcel.through = entry.seq;
                    }
                    _ => parcels.push(Batch {
                        request: request.clone(),
                        text: line,
                        reduced: reduced.unwrap_or_default(),
                        is_loud,
                        question: Told::by(entry).filter(|_| feed == Feed::Questions),
                        from: entry.seq,
                        through: entry.seq,
                    }),
                }
            }
        }
        Ok((parcels, read))
    }

    pub(super) async fn destinations(&self, feed: Feed, parcel: &Batch) -> Vec<Destination> {
        match (feed, &parcel.request) {
            (Feed::Audit, request) => vec![Destination {
                channel: self.audit_channel.clone(),
                head: request.as_ref().map(|_| Place::Audit),
            }],
            (Feed::Mirror, Some(request)) => request
                .mirrors
                .iter()
                .map(|channel| Destination {
                    channel: channel.clone(),
                    head: Some(Place::Mirror),
                })
                .collect(),
            (Feed::Notices, Some(request)) => vec![Destination {
                channel: ChannelId::new(request.requester.as_str()),
                head: Some(Place::Asked),
            }],
            (Feed::Reviewers, Some(request)) => self.reviewers_told(request, parcel.is_loud).await,
            (Feed::Questions, Some(request)) => match parcel.question {
                Some(told) => self.question_told(request, told),
                None => Vec::new(),
            },
            (Feed::Mirror | Feed::Notices | Feed::Reviewers | Feed::Questions, None)
            | (Feed::Approvers, _) => Vec::new(),
        }
    }

    /// Posts until it is posted, or can never be; nothing if told to stop first.
    pub(super) async fn deliver(
        &self,
        destination: &Destination,
        parcel: &Batch,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        for failures in 0.. {
            if shutdown.is_cancelled() {
                return None;
            }
            let tried = self.try_deliver(destination, parcel, failures, shutdown);
            let Err(retry_at) = tried.await else {
                return Some(());
            };
            let later = || self.retry.clock.now() + self.retry.after(failures.saturating_add(1));
            let retry_at = retry_at.unwrap_or_else(later);
            self.retry.wait_until(retry_at, shutdown).await?;
        }
        None
    }

    /// Posts, or gives up what can never be posted. `failures` is how often in a row it has failed.
    ///
    /// # Errors
    ///
    /// When to try again; nothing where an incident channel takes no messages and the request is over, so
    /// that nobody waits for it.
    pub(super) async fn try_deliver(
        &self,
        destination: &Destination,
        parcel: &Batch,
        failures: u32,
        shutdown: &CancellationToken,
    ) -> Result<(), Option<Time>> {
        let channel = &destination.channel;
        if self.said_in(channel, parcel).is_empty() {
            return Ok(());
        }
        if let Some(opens) = self.closed_until(channel) {
            return Err(Some(opens));
        }
        let Err(trouble) = self.post(destination, parcel, shutdown).await else {
            self.channel_works(channel, shutdown).await;
            return Ok(());
        };
        if let Some(error) = trouble.of_the_channel()
            && !is_personal(channel)
        {
            let opens = self.channel_fails(channel, error, shutdown).await;
            let is_over = match (destination.head, &parcel.request) {
                (Some(place), Some(request)) => {
                    self.clear_if_over(place, request.id, channel, shutdown)
                        .await
                }
                _ => false,
            };
            return Err((!is_over).then_some(opens));
        }
        if trouble.is_permanent() || trouble.of_the_channel().is_some() {
            tracing::error!(
                slack.channel = %channel, seq = parcel.through, error = %trouble,
                "failed to post a message; Keylend does not retry"
            );
            self.message_dropped(channel, &trouble);
            return Ok(());
        }
        if let Some(error) = trouble.of_the_installation() {
            self.app_refused(channel, error);
        }
        match trouble.asked_to_wait() {
            // Slack takes one message a second in a channel: a burst waits its turn.
            Some(_) => {
                tracing::debug!(slack.channel = %channel, error = %trouble, "a message waits")
            }
            None => {
                tracing::warn!(
                    slack.channel = %channel, error = %trouble, failures,
                    "failed to post a message; Keylend retries"
                );
            }
        }
        let after = trouble
            .asked_to_wait()
            .unwrap_or_else(|| self.retry.after(failures.saturating_add(1)));
        Err(Some(self.retry.clock.now() + after))
    }

    async fn post(
        &self,
        destination: &Destination,
        parcel: &Batch,
        shutdown: &CancellationToken,
    ) -> Result<(), Trouble> {
        let channel = &destination.channel;
        let said = self.said_in(channel, parcel);
        let message = Message::text(said);
        let (Some(place), Some(request)) = (destination.head, &parcel.request) else {
            self.client.try_post(channel, &message).await?;
            return Ok(());
        };
        if let Some(head) = self.head(request.id, place, channel, shutdown).await?
            && let Some(ts) = &head.ts
        {
            let reply = self
                .client
                .try_reply(&head.channel, ts, parcel.is_loud, &message);
            match reply.await {
                Err(error) if error.is_of_the_thread() => {}
                posted => return posted.map(drop).map_err(Trouble::from),
            }
        }
        // Somebody deleted the head, or none was asked for in this channel: the configuration
        // named another then.
        let text = format!("Request {}: {said}", text::code(request.id));
        self.client.try_post(channel, &Message::text(text)).await?;
        Ok(())
    }

    /// What a channel reads of some lines; empty if nothing.
    fn said_in<'a>(&self, channel: &ChannelId, parcel: &'a Batch) -> &'a str {
        match self.client.is_reduced(channel) {
            true => &parcel.reduced,
            false => &parcel.text,
        }
    }

    /// The thread under a request's head, which is posted if it is not there.
    pub(super) async fn thread(
        &self,
        request: RequestId,
        place: Place,
        channel: &ChannelId,
        shutdown: &CancellationToken,
    ) -> Result<Option<String>, Trouble> {
        let head = self.head(request, place, channel, shutdown).await?;
        Ok(head.and_then(|card| card.ts))
    }

    /// A request's head, which is posted if it is not there.
    async fn head(
        &self,
        request: RequestId,
        place: Place,
        channel: &ChannelId,
        shutdown: &CancellationToken,
    ) -> Result<Option<Card>, Trouble> {
        match self.cards.find(request, place, channel).await? {
            Some(card) if card.ts.is_none() => Ok(Some(self.show(card, shutdown).await?)),
            card => Ok(card),
        }
    }
}

fn said(feed: Feed, entry: &Entry, request: Option<&Request>, logins: &[Login]) -> Option<String> {
    match (feed, request) {
        (Feed::Audit | Feed::Mirror, Some(request)) => line(entry, request, logins),
        (Feed::Notices, Some(request)) => notice(entry, request),
        (Feed::Audit, None) => lock_line(entry),
        (Feed::Reviewers, Some(request)) => to_reviewers(entry, request),
        (Feed::Mirror | Feed::Notices | Feed::Reviewers, None)
        | (Feed::Approvers | Feed::Questions, _) => None,
    }
}

pub(super) fn push_line(text: &mut String, line: &str) {
    if !text.is_empty() && !line.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

pub(super) fn fits(text: &str, line: &str) -> bool {
    let length = |text: &str| text.encode_utf16().count();
    length(text) + length(line) < LONGEST
}
