//! Channels that nothing is written to: archived, without our bot, unknown to Slack, or shared with
//! another company and not allowed to be.
//!
//! Nothing that belongs in such a channel is lost. It is tried again every few minutes, for ever,
//! by one message at a time; an alert names the channel and why; and the cards of those whose
//! approvers cannot be reached say so. When Slack takes a message there again, all of it is taken
//! back. A direct message is no such channel: a person who cannot be written to has left.

use std::{sync::PoisonError, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Messenger, channel_state::Closed};
use crate::{
    clock::until_any,
    domain::{ChannelId, Lock, Request, RequestId, Span, Time, backoff},
    slack::{
        client::{ChannelTrouble, SlackError},
        view::{alert, card::Context},
    },
    store::StoreError,
};

/// How long to wait before a channel in trouble is tried again: the first time, and at most.
const RETRY: (Span, Span) = (Span::minutes(1), Span::minutes(5));

/// How long a message that was dropped is an alert.
const DROPPED: Duration = Duration::from_secs(3600);

/// How many waiting requests are looked through for those whose approvers cannot be reached.
const LOOKED_THROUGH: u32 = 500;

/// Whether this is somebody's direct message: named by a person, or opened by the first post.
pub(super) fn is_personal(channel: &ChannelId) -> bool {
    !channel.as_str().starts_with(['C', 'G'])
}

impl Messenger {
    /// Until when nothing is to be tried in this channel, if it is in trouble.
    pub(super) fn closed_until(&self, channel: &ChannelId) -> Option<Time> {
        let closed = self.channels.get(channel)?;
        (self.retry.clock.now() < closed.opens).then_some(closed.opens)
    }

    /// What the cards of a request need to know beside it.
    pub(super) fn context(&self, request: &Request) -> Context {
        let closed = self.channels.get(&request.approval_channel);
        Context {
            has_credentials: (self.has_credentials)(request),
            unreachable: closed
                .filter(|_| request.awaits_decision())
                .map(|closed| closed.why),
            logins: (self.logins)(request),
            lock: None,
            break_glass: self
                .notifications
                .get(&request.terms.scope)
                .is_some_and(|scope| scope.break_glass),
        }
    }

    /// The lock that keeps what `request` asks for from being approved, if one does.
    pub(super) async fn lock_over(&self, request: &Request) -> Result<Option<Lock>, StoreError> {
        if !request.awaits_decision() {
            return Ok(None);
        }
        Ok(Lock::longest_over(self.store.locks().await?, request))
    }

    /// Slack refused a message because of the app or its token, which an administrator has to mend.
    pub(super) fn app_refused(&self, channel: &ChannelId, error: &SlackError) {
        let name = alert::refused_name(error);
        let text = alert::refused_text(error);
        if !self.alerts.raised().contains_key(&name) {
            tracing::error!(alert = name, "{text}");
        }
        self.alerts.raise(&name, text);
        let refused = self.channels.refused.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        refused.insert(name, (is_personal(channel), error.is_of_the_token()));
    }

    /// Slack took the token.
    pub(super) fn token_works(&self) {
        let refused = self.channels.refused.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        refused.retain(|name, (_, is_of_the_token)| {
            if *is_of_the_token {
                self.alerts.clear(name);
            }
            !*is_of_the_token
        });
    }

    /// Slack took a message in `channel`.
    pub(super) async fn channel_works(&self, channel: &ChannelId, shutdown: &CancellationToken) {
        {
            let refused = self.channels.refused.lock();
            let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
            refused.retain(|name, (personal, _)| {
                let stays = *personal != is_personal(channel);
                if !stays {
                    self.alerts.clear(name);
                }
                stays
            });
        }
        self.channel_opens(channel, shutdown).await;
    }

    /// Nothing keeps messages from `channel` any more.
    pub(super) async fn channel_opens(&self, channel: &ChannelId, shutdown: &CancellationToken) {
        if self.channels.put(channel, None).is_some() {
            tracing::info!(slack.channel = %channel, "posting in a channel works again");
            self.alerts.clear(&alert::channel_name(channel));
            self.show_whether_approvers_are_reached(channel, shutdown)
                .await;
            self.tell_missed(channel, shutdown).await;
        }
    }

    /// Gives what an incident channel was not told its turn.
    pub(super) async fn tell_missed(&self, channel: &ChannelId, shutdown: &CancellationToken) {
        let touch = || self.backlogs.touch(channel, self.retry.clock.now());
        self.retry.retry_forever(shutdown, touch).await;
        self.backlogged.notify_waiters();
    }

    /// A message was refused because of `channel`. Answers when to try again.
    pub(super) async fn channel_fails(
        &self,
        channel: &ChannelId,
        error: &SlackError,
        shutdown: &CancellationToken,
    ) -> Time {
        let (why, name) = match self.client.channel(channel).await {
            Ok(info) if *error == SlackError::SharedChannel => (ChannelTrouble::Shared, info.name),
            Ok(info) => (info.trouble(), info.name),
            Err(SlackError::Refused(code)) if code == "channel_not_found" => {
                (ChannelTrouble::Unknown, None)
            }
            Err(_) if *error == SlackError::SharedChannel => (ChannelTrouble::Shared, None),
            Err(error) => {
                tracing::warn!(
                    slack.channel = %channel, %error,
                    "failed to find out why posting in a channel fails"
                );
                (ChannelTrouble::Refused, None)
            }
        };
        let before = self.channels.get(channel);
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let opens =
            self.retry.clock.now() + backoff(failures, RETRY.0, RETRY.1, self.retry.entropy.byte());
        let closed = Closed {
            why,
            failures,
            opens,
        };
        self.channels.put(channel, Some(closed));
        tracing::warn!(
            slack.channel = %channel, %error, failures,
            "failed to post in a channel; messages wait"
        );
        self.alerts.raise(
            alert::channel_name(channel),
            alert::channel_text(channel, name.as_deref(), why, error),
        );
        if before.is_none_or(|before| before.why != why) {
            self.show_whether_approvers_are_reached(channel, shutdown)
                .await;
        }
        opens
    }

    /// A message can never be sent as it is, and is given up.
    pub(super) fn message_dropped(&self, channel: &ChannelId, why: &dyn std::fmt::Display) {
        let place = match is_personal(channel) {
            // No metric names a person.
            true => "dm",
            false => channel.as_str(),
        };
        let name = alert::dropped_name(place);
        self.alerts.raise(&name, alert::dropped_text(place, why));
        let until = self.retry.clock.now() + DROPPED;
        let dropped = self.channels.dropped.lock();
        let mut dropped = dropped.unwrap_or_else(PoisonError::into_inner);
        dropped.insert(name, until);
        drop(dropped);
        self.woken.notify_waiters();
    }

    /// Clears the alerts of dropped messages when their time is over, until told to stop.
    pub(super) async fn forget_dropped(&self, shutdown: &CancellationToken) -> Option<()> {
        loop {
            let woken = self.woken.notified();
            let next = {
                let dropped = self.channels.dropped.lock();
                let mut dropped = dropped.unwrap_or_else(PoisonError::into_inner);
                let now = self.retry.clock.now();
                dropped.retain(|name, until| {
                    let stays = now < *until;
                    if !stays {
                        self.alerts.clear(name);
                    }
                    stays
                });
                dropped.values().min().copied()
            };
            let over = until_any(&*self.retry.clock, next);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = woken => {}
                () = over => {}
            }
        }
    }

    /// Gives the cards of those who wait for an answer from `channel` their turn: what they say of
    /// it has changed.
    async fn show_whether_approvers_are_reached(
        &self,
        channel: &ChannelId,
        shutdown: &CancellationToken,
    ) {
        let touch = async || {
            let waiting = self.store.awaiting(LOOKED_THROUGH).await?;
            let waiting = waiting
                .iter()
                .filter(|one| one.approval_channel == *channel);
            let waiting: Vec<RequestId> = waiting.map(|request| request.id).collect();
            self.cards.touch(&waiting, self.retry.clock.now()).await
        };
        self.retry.retry_forever(shutdown, touch).await;
        self.woken.notify_waiters();
    }
}
