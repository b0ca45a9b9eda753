//! How approvers hear of what waits for their decision, beside the card: as the scope's `notify` says when
//! it was asked for, and again with each reminder.
//!
//! The log says what there is to tell; the backlog of the channel, or of the person, says what was told.
//! So neither a restart nor another replica tells anybody of the same twice. What was decided meanwhile is
//! not told. While one channel or person waits for its next message, what comes is collected: many requests
//! make one message.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Messenger,
    channels::is_personal,
    feeds::{Batch, Destination, Feed},
};
use crate::{
    domain::{ChannelId, Event, GroupName, Notify, Request, RequestId, State, Time, UserId},
    presentation::{Backlog, Place},
    slack::view::notification::{Mention, NAMED, Waiting, in_channel, in_person},
    store::{Entry, EntryBody, Origin, StoreError},
};

/// Entries that are read together.
const BATCH: u32 = 100;

/// Requests that one message is about at most.
const TOGETHER: usize = 1_000;

/// People whom one message mentions, where a group is no user group of Slack.
const MENTIONED: usize = 10;

/// People who get a direct message about one request.
const MESSAGED: usize = 20;

/// Something that waits and that approvers are to hear of.
struct Call {
    request: Request,
    /// Which reminder, from 1; 0 for the question itself.
    step: u8,
}

impl Messenger {
    /// Adds what approvers are to hear of in the next entries, up to `until`, to the backlogs of the
    /// channels and people. Answers the last entry that was read; nothing if told to stop.
    pub(super) async fn call_approvers(
        &self,
        told: u64,
        until: u64,
        shutdown: &CancellationToken,
    ) -> Option<u64> {
        let next = || self.calls(told, until);
        let (calls, read) = self.retry.retry_forever(shutdown, next).await?;
        let mut ranges = BTreeMap::new();
        for (seq, call) in &calls {
            for channel in self.called(call).await {
                ranges.entry(channel).or_insert((*seq, 0)).1 = *seq;
            }
        }
        self.add_to_backlogs(Feed::Approvers, &ranges, shutdown)
            .await?;
        Some(read)
    }

    /// Tells a channel or a person of all that still waits, as one message, or notes when to try again;
    /// nothing if told to stop.
    pub(super) async fn tell_calls(
        &self,
        backlog: Backlog,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        let channel = backlog.channel.clone();
        if let Some(opens) = self.last_told.opens(&channel, self.retry.clock.now()) {
            let put_off = || self.backlogs.failed(&backlog, Some(opens));
            return self.retry.retry_forever(shutdown, put_off).await;
        }
        // Of one request, the last call counts.
        let mut waiting: BTreeMap<RequestId, Call> = BTreeMap::new();
        let mut read = backlog.told;
        while read < backlog.until && waiting.len() < TOGETHER {
            let from = read;
            let next = || self.calls(from, backlog.until);
            let (calls, through) = self.retry.retry_forever(shutdown, next).await?;
            for (_, call) in calls {
                if self.called(&call).await.contains(&channel) {
                    waiting.insert(call.request.id, call);
                }
            }
            read = if through > from {
                through
            } else {
                backlog.until
            };
        }
        if !waiting.is_empty() {
            let calls = Vec::from_iter(waiting.into_values());
            let (destination, batch) = self.message_of(&backlog, calls, read, shutdown).await;
            if shutdown.is_cancelled() {
                return None;
            }
            let told = self.try_deliver(&destination, &batch, backlog.failures, shutdown);
            if let Err(retry_at) = told.await {
                let put_off = || self.backlogs.failed(&backlog, retry_at);
                return self.retry.retry_forever(shutdown, put_off).await;
            }
            self.last_told.note(&channel, self.retry.clock.now());
        }
        self.was_told(&backlog, read, shutdown).await?;
        Some(())
    }

    /// What approvers are to hear of in the next entries up to `until`, as far as it still waits, each
    /// with its entry; and the last entry that was read.
    async fn calls(&self, told: u64, until: u64) -> Result<(Vec<(u64, Call)>, u64), StoreError> {
        let mut entries = self.store.raw_entries(told, BATCH).await?;
        entries.retain(|entry| entry.seq <= until);
        let read = entries.last().map_or(told, |entry| entry.seq);
        let now = self.retry.clock.now();
        let mut calls = Vec::new();
        for raw in &entries {
            if raw.origin == Origin::Forged {
                continue;
            }
            // The follower says of an entry that it cannot be read.
            let Ok(entry) = Entry::try_from(raw) else {
                continue;
            };
            let (Some(id), EntryBody::Request(event)) = (entry.request_id, &entry.body) else {
                continue;
            };
            let step = match event {
                Event::Requested { .. } | Event::ExtensionRequested { .. } => 0,
                Event::Reminded { step, .. } => *step,
                _ => continue,
            };
            if let Some(request) = self.store.request(id).await?
                && still_waits(&request, event, now)
            {
                calls.push((raw.seq, Call { request, step }));
            }
        }
        Ok((calls, read))
    }

    /// The channel and the people who are to hear of a call.
    async fn called(&self, call: &Call) -> Vec<ChannelId> {
        let notify = self.notifications.get(&call.request.terms.scope);
        let notify = notify.map_or(Notify::Channel, |scope| scope.notify);
        let mut called = Vec::new();
        if call.step > 0 || notify == Notify::Group {
            called.push(call.request.approval_channel.clone());
        }
        if notify == Notify::Direct {
            let mut people = BTreeSet::new();
            for group in self.groups_called(call) {
                people.extend(self.members_called(&group, &call.request).await);
            }
            let people = people.iter().take(MESSAGED);
            called.extend(people.map(|person| ChannelId::new(person.as_str())));
        }
        called
    }

    /// The groups whose members are mentioned or messaged.
    fn groups_called(&self, call: &Call) -> BTreeSet<GroupName> {
        let Some(scope) = self.notifications.get(&call.request.terms.scope) else {
            return BTreeSet::new();
        };
        let mut groups = match scope.notify {
            Notify::Channel => BTreeSet::new(),
            Notify::Group | Notify::Direct => scope.approvers.clone(),
        };
        if call.step == Request::REMINDERS {
            groups.extend(scope.escalate_to.iter().cloned());
        }
        groups
    }

    /// The members of a group but for the requester; none where they cannot be read.
    async fn members_called(&self, group: &GroupName, request: &Request) -> BTreeSet<UserId> {
        match self.directory.recent_members(group).await {
            Ok(mut members) => {
                members.retain(|id| !self.directory.human(id, None).is(&request.human));
                members
            }
            Err(error) => {
                tracing::warn!(
                    %group, %error,
                    "failed to read whom to notify; the approval card and its reminders are posted"
                );
                BTreeSet::new()
            }
        }
    }

    async fn mentions(&self, calls: &[Call]) -> Vec<Mention> {
        let (mut groups, mut people) = (BTreeSet::new(), BTreeSet::new());
        for call in calls {
            let notify = self.notifications.get(&call.request.terms.scope);
            if notify.is_some_and(|scope| scope.notify == Notify::Direct) {
                continue;
            }
            for group in self.groups_called(call) {
                match self.directory.slack_usergroup(&group) {
                    Some(id) => drop(groups.insert(id.to_owned())),
                    None => people.extend(self.members_called(&group, &call.request).await),
                }
            }
        }
        let people = people.into_iter().take(MENTIONED).map(Mention::Person);
        groups
            .into_iter()
            .map(Mention::Group)
            .chain(people)
            .collect()
    }

    /// One message about all of these: in the card's thread about one, in the channel about several.
    async fn message_of(
        &self,
        backlog: &Backlog,
        calls: Vec<Call>,
        through: u64,
        shutdown: &CancellationToken,
    ) -> (Destination, Batch) {
        let channel = &backlog.channel;
        let is_direct = is_personal(channel);
        let mentions = match is_direct {
            true => Vec::new(),
            false => self.mentions(&calls).await,
        };
        let is_in_thread = calls.len() == 1 && !is_direct;
        let mut waiting = Vec::with_capacity(calls.len());
        for (index, call) in calls.into_iter().enumerate() {
            let link = match is_in_thread || index >= NAMED {
                true => None,
                false => self.link(&call.request, shutdown).await,
            };
            waiting.push(Waiting {
                request: call.request,
                is_reminder: call.step > 0,
                link,
            });
        }
        let text = match is_direct {
            true => in_person(&waiting),
            false => in_channel(&mentions, &waiting),
        };
        let request = waiting.pop().map(|one| one.request);
        let request = request.filter(|_| is_in_thread);
        let destination = Destination {
            channel: channel.clone(),
            head: request.as_ref().map(place),
        };
        let batch = Batch {
            request,
            text,
            // Whoever approves has to see what they approve, so no approval channel is reduced.
            reduced: String::new(),
            is_loud: false,
            question: None,
            from: backlog.told + 1,
            through,
        };
        (destination, batch)
    }

    /// Where a request's card is. A message without it is better than none.
    async fn link(&self, request: &Request, shutdown: &CancellationToken) -> Option<Url> {
        let channel = &request.approval_channel;
        let card = self.thread(request.id, place(request), channel, shutdown);
        let ts = card.await.ok()??;
        self.client.permalink(channel, &ts).await.ok()
    }
}

fn place(request: &Request) -> Place {
    match request.extension {
        Some(_) => Place::Extension,
        None => Place::Approval,
    }
}

/// Whether what an entry tells of still waits for a decision, and nothing newer was told of it.
fn still_waits(request: &Request, event: &Event, now: Time) -> bool {
    let is_pending = matches!(request.state, State::Pending { .. });
    let is_it = match event {
        Event::Requested { .. } => is_pending && request.reminded == 0,
        Event::ExtensionRequested { revision, .. } => {
            request.extension.is_some() && request.revision == *revision && request.reminded == 0
        }
        Event::Reminded { step, revision } => {
            request.awaits_decision() && request.revision == *revision && request.reminded == *step
        }
        _ => false,
    };
    is_it && request.waits_until().is_some_and(|until| now < until)
}
