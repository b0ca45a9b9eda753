//! What incident channels missed while Slack took no messages in them.
//!
//! One incident channel must not hold up the others, so the feed goes on without it and notes in
//! the store which lines it missed: two cursors a channel, up to where lines were told and up to
//! where they were missed. When the channel works again, its missed lines are told first, in order.

use tokio_util::sync::CancellationToken;

use super::{
    Messenger,
    feeds::{Batch, Destination, Feed},
};
use crate::{domain::ChannelId, store::StoreError};

/// The cursor of the last line that was told before lines were missed.
fn told(channel: &ChannelId) -> String {
    format!("mirror_told:{channel}")
}

/// The cursor of the last line that was missed.
fn missed(channel: &ChannelId) -> String {
    format!("mirror_missed:{channel}")
}

impl Messenger {
    /// Tells an incident channel a line, behind those that it missed, or notes that it missed this
    /// one too; nothing if told to stop first.
    pub(super) async fn mirror(
        &self,
        destination: &Destination,
        parcel: &Batch,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        let channel = &destination.channel;
        if self.catch_up(channel, shutdown).await?
            && self.deliver(destination, parcel, shutdown).await?
        {
            return Some(());
        }
        self.channels.missed(channel);
        let note = async || {
            let (before, until) = self.missing(channel).await?;
            if before >= until {
                let before = parcel.from - 1;
                self.documents.move_cursor(&told(channel), before).await?;
            }
            let missed = missed(channel);
            self.documents.move_cursor(&missed, parcel.through).await
        };
        self.retry.retry_forever(shutdown, note).await
    }

    /// Tells every channel that missed lines and works again what it missed; nothing if told to
    /// stop first.
    pub(super) async fn catch_up_all(&self, shutdown: &CancellationToken) -> Option<()> {
        for channel in self.channels.all_that_missed() {
            if self.catch_up(&channel, shutdown).await? {
                self.channels.missed_nothing(&channel);
            }
        }
        Some(())
    }

    /// Tells a channel what it missed. False if Slack takes no messages there; nothing if told to
    /// stop first.
    async fn catch_up(&self, channel: &ChannelId, shutdown: &CancellationToken) -> Option<bool> {
        if self.closed_until(channel).is_some() {
            return Some(false);
        }
        let missing = || self.missing(channel);
        let (mut after, until) = self.retry.retry_forever(shutdown, missing).await?;
        while after < until {
            let parcels = || self.parcels(Feed::Mirror, after, until);
            let (parcels, read) = self.retry.retry_forever(shutdown, parcels).await?;
            for parcel in parcels {
                for destination in self.destinations(Feed::Mirror, &parcel) {
                    if destination.channel == *channel
                        && !self.deliver(&destination, &parcel, shutdown).await?
                    {
                        return Some(false);
                    }
                }
                after = parcel.through;
                self.move_told(channel, after, shutdown).await?;
            }
            // Nothing more to read means that the rest is not about this feed.
            after = if read > after { read } else { until };
            self.move_told(channel, after, shutdown).await?;
        }
        Some(true)
    }

    async fn move_told(
        &self,
        channel: &ChannelId,
        seq: u64,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        let name = told(channel);
        let moved = || self.documents.move_cursor(&name, seq);
        self.retry.retry_forever(shutdown, moved).await
    }

    /// Up to where lines were told in a channel, and up to where they were missed.
    async fn missing(&self, channel: &ChannelId) -> Result<(u64, u64), StoreError> {
        let told = self.documents.cursor(&told(channel)).await?;
        Ok((told, self.documents.cursor(&missed(channel)).await?))
    }
}
