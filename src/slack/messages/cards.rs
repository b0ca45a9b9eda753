//! The cards' loop: whatever may show something old is made to show what is.
//!
//! In each channel, people take turns: of those whose cards are due, the one whose card was shown there
//! longest ago comes next. So however many requests one person makes, another's card waits for a few
//! of theirs at most. While Slack holds a channel back, its cards wait without a place among those on
//! their way.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Messenger, STRIPES, Trouble, channels::is_personal};
use crate::{
    clock::until_any,
    domain::{ChannelId, Request, RequestId, Time, UserId},
    presentation::{Card, Place},
    slack::{
        client::{Message, SlackError},
        view::{
            alert,
            card::{Context, call, card as render, uncalled},
            reduced,
        },
    },
    store::{StoreError, logged},
};

/// Cards that are looked at together: more than one person can make due, so that others are among them.
const BATCH: u32 = 1_000;

/// How long it is remembered whose card was shown in a channel.
const REMEMBERED: TimeDelta = TimeDelta::minutes(10);

/// Messages on their way at once, of each kind.
const AT_ONCE: usize = 8;

/// What is shown one at a time: posts, or updates, in one channel.
type Queue = (Kind, ChannelId);

/// Posts and updates do not wait for each other: Slack limits them apart, and a new question must
/// not wait behind a thousand old cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Post,
    Update,
}

impl Kind {
    fn of(card: &Card) -> Self {
        match card.ts {
            None => Self::Post,
            Some(_) => Self::Update,
        }
    }
}

impl Messenger {
    /// Shows the cards whose turn it is, one at a time in each channel, until told to stop.
    pub(super) async fn show_cards(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut touched = self.documents.documents_due();
        let mut busy: HashSet<Queue> = HashSet::new();
        let mut turns = Turns::default();
        // Tasks, not futures of this loop: one that waits for the store while the loop does would
        // keep its turn there, and neither would go on.
        let mut running = JoinSet::new();
        while !shutdown.is_cancelled() {
            // Seen before the cards are asked for: a change in between wakes us.
            touched.borrow_and_update();
            let woken = self.woken.notified();
            let now = self.retry.clock.now();
            let Some((due, next)) = self.retry.retry_forever(shutdown, || self.due(now)).await
            else {
                break;
            };
            for card in turns.next(due, now) {
                let queue = queue(&card);
                let as_many = busy.iter().filter(|(kind, _)| *kind == queue.0).count();
                if as_many < AT_ONCE && busy.insert(queue.clone()) {
                    let (messenger, shutdown) = (self.clone(), shutdown.clone());
                    running.spawn(async move {
                        let requester = card.requester.clone();
                        let opens = messenger.attend(card, &shutdown).await;
                        (queue, requester, opens)
                    });
                }
            }
            let next = next.into_iter().chain(turns.opens(now)).min();
            let turn = until_any(&*self.retry.clock, next);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(shown) = running.join_next() => match shown {
                    Ok((queue, requester, opens)) => {
                        busy.remove(&queue);
                        match opens {
                            Some(opens) => turns.hold_back(queue, opens),
                            None => turns.had(queue, requester, self.retry.clock.now()),
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "posting a card panicked; Keylend retries");
                        // Which one is not known: all of them are looked at anew.
                        busy.clear();
                    }
                },
                moved = touched.changed() => {
                    if moved.is_err() {
                        break;
                    }
                }
                () = woken => {}
                () = turn => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// The cards whose turn it is, and when the next one's comes.
    async fn due(&self, now: Time) -> Result<(Vec<Card>, Option<Time>), StoreError> {
        let due = self.cards.due(now, BATCH).await?;
        Ok((due, self.cards.next(now).await?))
    }

    /// Shows one card, or notes when to try again. Answers until when its channel takes no others like
    /// it, if Slack holds them back.
    async fn attend(&self, card: Card, shutdown: &CancellationToken) -> Option<Time> {
        if let Some(opens) = self.closed_until(&card.channel) {
            self.retry
                .retry_forever(shutdown, || self.cards.failed(&card, Some(opens)))
                .await;
            return None;
        }
        let Err(trouble) = self.show(card.clone(), shutdown).await else {
            return None;
        };
        let (request, place) = (card.request, card.place.name());
        let retry_at = if let Some(error) = trouble.of_the_channel()
            && !is_personal(&card.asked_for)
        {
            let opens = self.channel_fails(&card.channel, error, shutdown).await;
            let (place, request) = (card.place, card.request);
            let is_over = self.clear_if_over(place, request, &card.channel, shutdown);
            (!is_over.await).then_some(opens)
        } else if trouble.is_permanent() || trouble.of_the_channel().is_some() {
            self.message_dropped(&card.channel, &trouble);
            // Until the request changes, which is worth another try.
            tracing::error!(
                request.id = %request, card.place = place, slack.channel = %card.channel, error = %trouble,
                "failed to post a message; Keylend does not retry"
            );
            None
        } else {
            if let Some(error) = trouble.of_the_installation() {
                self.app_refused(&card.channel, error);
            }
            match trouble.asked_to_wait() {
                Some(_) => {
                    tracing::debug!(request.id = %request, error = %trouble, "a message waits")
                }
                None => tracing::warn!(
                    request.id = %request, card.place = place, error = %trouble,
                    "failed to post a message; Keylend retries"
                ),
            }
            let after = trouble
                .asked_to_wait()
                .unwrap_or_else(|| self.retry.after(card.failures.saturating_add(1)));
            Some(self.retry.clock.now() + after)
        };
        self.retry
            .retry_forever(shutdown, || self.cards.failed(&card, retry_at))
            .await;
        retry_at.filter(|_| trouble.asked_to_wait().is_some())
    }

    /// Answers whether what a channel did not take tells an incident channel of a request that is
    /// over, and clears the alert then. Incident channels are archived when their incident is, so
    /// there is nothing to wait for and nothing to look at.
    pub(super) async fn clear_if_over(
        &self,
        place: Place,
        request: RequestId,
        channel: &ChannelId,
        shutdown: &CancellationToken,
    ) -> bool {
        if place != Place::Mirror {
            return false;
        }
        let request = self
            .retry
            .retry_forever(shutdown, || self.store.request(request))
            .await;
        let is_over = request.is_some_and(|request| request.is_none_or(|it| !it.is_open()));
        if is_over {
            self.alerts.clear(&alert::channel_name(channel));
        }
        is_over
    }

    /// Makes a card show its request as it is now, and answers the card as it is then.
    pub(super) async fn show(
        &self,
        card: Card,
        shutdown: &CancellationToken,
    ) -> Result<Card, Trouble> {
        if card.ts.is_some() {
            return self.send(card, shutdown).await;
        }
        // The last character: the first ones are the time, and the same for all.
        let id = card.request.to_string();
        let stripe = usize::from(id.bytes().last().unwrap_or_default()) % STRIPES;
        let _alone = self.first_posts[stripe].lock().await;
        let known = self
            .cards
            .find(card.request, card.place, &card.asked_for)
            .await?;
        match known {
            // Posted meanwhile. If it shows something old it is due, and updated when its turn
            // comes: two updates at once could come in the wrong order.
            Some(posted) if posted.ts.is_some() => Ok(posted),
            known => self.send(known.unwrap_or(card), shutdown).await,
        }
    }

    /// Takes its question from a message that gives way to another. That it is not there any more
    /// keeps nobody from asking.
    async fn leave(&self, channel: &ChannelId, ts: &str, left: &Message) -> Result<(), SlackError> {
        match self.client.update(channel, ts, left).await {
            Err(error) if error.is_permanent() => {
                tracing::warn!(
                    slack.channel = %channel, %error,
                    "failed to update a replaced card; it stays as it is"
                );
                Ok(())
            }
            done => done,
        }
    }

    async fn send(&self, card: Card, shutdown: &CancellationToken) -> Result<Card, Trouble> {
        let Some(request) = self.shown_request(&card).await? else {
            // Nothing to show, ever.
            self.retry
                .retry_forever(shutdown, || self.cards.failed(&card, None))
                .await;
            return Ok(card);
        };
        let context = Context {
            lock: self.lock_over(&request).await?,
            ..self.context(&request)
        };
        let sent = self
            .send_in(card.clone(), &request, &context, shutdown)
            .await?;
        // Not given up: a message that the store does not know of would be posted again.
        let kept = self
            .retry
            .retry_forever(shutdown, || self.cards.shown(&card, &sent))
            .await;
        Ok(kept.unwrap_or(sent))
    }

    /// The request that a card shows. Approvers decide on what they see, and a row can be changed and put
    /// back before they click: they see what the log says, and nothing where it says nothing.
    async fn shown_request(&self, card: &Card) -> Result<Option<Request>, StoreError> {
        match card.place {
            Place::Approval | Place::Extension | Place::Review => {
                let mut told = logged(&*self.store, &[card.request]).await?;
                Ok(told.remove(&card.request).map(|(request, _)| request))
            }
            _ => self.store.request(card.request).await,
        }
    }

    async fn send_in(
        &self,
        mut card: Card,
        request: &Request,
        context: &Context,
        shutdown: &CancellationToken,
    ) -> Result<Card, Trouble> {
        let is_reduced = self.client.is_reduced(&card.asked_for);
        if is_reduced
            && matches!(
                card.place,
                Place::Approval | Place::Extension | Place::Review
            )
        {
            // Whoever approves has to see what they approve.
            return Err(SlackError::SharedChannel.into());
        }
        let reduced = is_reduced.then(|| reduced::request(request));
        let request = reduced.as_ref().unwrap_or(request);
        if let Some(message) = render(card.place, request, context) {
            let call = call(card.place, request);
            let now_shown = digest(&message, call.as_deref());
            if card.shown.as_ref() != Some(&now_shown) {
                match &card.ts {
                    Some(ts) if !calls_anew(&card, call.as_deref()) => {
                        self.client.update(&card.channel, ts, &message).await?;
                    }
                    gives_way => {
                        let still_calls = gives_way.as_ref().filter(|_| called(&card).is_some());
                        let left = uncalled(card.place, request);
                        if let (Some(ts), Some(left)) = (still_calls, left) {
                            self.leave(&card.channel, ts, &left).await?;
                        }
                        let posted = self.client.try_post(&card.channel, &message).await?;
                        card.channel = posted.channel;
                        card.ts = Some(posted.ts);
                    }
                }
                card.shown = Some(now_shown);
                if card.place == Place::Mirror && card.failures > 0 {
                    self.tell_missed(&card.asked_for, shutdown).await;
                }
                self.channel_works(&card.channel, shutdown).await;
            }
        }
        Ok(card)
    }
}

fn queue(card: &Card) -> Queue {
    (Kind::of(card), card.channel.clone())
}

/// Whose turn it is in each queue.
#[derive(Default)]
struct Turns {
    count: u64,
    /// Who had their turn lately, as which one of all, and when.
    had: HashMap<(Queue, UserId), (u64, Time)>,
    /// Until when Slack holds queues back.
    held_back: HashMap<Queue, Time>,
}

impl Turns {
    /// Of the cards that are due, the next one of each queue: the first of the person who had their turn
    /// there longest ago.
    fn next(&mut self, due: Vec<Card>, now: Time) -> Vec<Card> {
        self.had.retain(|_, (_, at)| now - *at < REMEMBERED);
        self.held_back.retain(|_, opens| now < *opens);
        let mut places: HashMap<Queue, usize> = HashMap::new();
        let mut next: Vec<(u64, Card)> = Vec::new();
        for card in due {
            let turn = (queue(&card), card.requester.clone());
            if self.held_back.contains_key(&turn.0) {
                continue;
            }
            let had = self.had.get(&turn).map_or(0, |(count, _)| *count);
            match places.entry(turn.0) {
                Entry::Vacant(place) => {
                    place.insert(next.len());
                    next.push((had, card));
                }
                Entry::Occupied(place) => {
                    let first = &mut next[*place.get()];
                    if had < first.0 {
                        *first = (had, card);
                    }
                }
            }
        }
        next.into_iter().map(|(_, card)| card).collect()
    }

    /// Somebody's card was sent.
    fn had(&mut self, queue: Queue, requester: UserId, now: Time) {
        self.count += 1;
        self.had.insert((queue, requester), (self.count, now));
    }

    /// Slack takes nothing of this queue until then.
    fn hold_back(&mut self, queue: Queue, opens: Time) {
        self.held_back.insert(queue, opens);
    }

    /// When the next queue opens that is held back at `now`.
    fn opens(&self, now: Time) -> Option<Time> {
        self.held_back
            .values()
            .filter(|opens| now < **opens)
            .min()
            .copied()
    }
}

/// What a card's message called attention to, when it was last seen to.
fn called(card: &Card) -> Option<&str> {
    let (_, call) = card.shown.as_deref()?.split_once(' ')?;
    Some(call)
}

/// What a message says, and what it calls attention to: the digest, then the call.
fn digest(message: &Message, call: Option<&str>) -> String {
    let said = serde_json::to_vec(message).expect("a message is JSON");
    let digest = hex::encode(Sha256::digest(said));
    match call {
        Some(call) => format!("{digest} {call}"),
        None => digest,
    }
}

/// Whether the card calls attention to something that its message did not.
fn calls_anew(card: &Card, call: Option<&str>) -> bool {
    call.is_some() && call != called(card)
}
