//! Channels for approvals and audit that people of another company read: an alert names them
//! whether or not there is anything to write, at the start and whenever one is shared.

use tokio_util::sync::CancellationToken;

use super::Messenger;
use crate::{
    domain::{ChannelId, Span},
    slack::client::{ChannelTrouble, SlackError},
};

/// How often the channels are looked at although no event came: it may be lost, or come to another
/// replica.
const EVERY: Span = Span::minutes(1);

impl Messenger {
    /// Looks whether the channels of the configuration are shared, until told to stop; answers
    /// nothing then.
    pub(super) async fn watch_shared(&self, shutdown: &CancellationToken) -> Option<()> {
        loop {
            // Seen before the channels are looked at: a change in between wakes us.
            let changed = self.client.shared_channels().changed();
            for channel in std::iter::once(&self.audit_channel).chain(&self.other_channels) {
                self.look_whether_shared(channel, shutdown).await;
            }
            let next = EVERY.after(self.retry.clock.now());
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = changed => {}
                () = self.retry.clock.until(next) => {}
            }
        }
    }

    async fn look_whether_shared(&self, channel: &ChannelId, shutdown: &CancellationToken) {
        let info = match self.client.channel(channel).await {
            Ok(info) => info,
            // Whatever it is, the next message meets it too, and says so.
            Err(error) => {
                tracing::debug!(%channel, %error, "Slack does not say whether a channel is shared");
                return;
            }
        };
        let closed = self.channels.get(channel);
        let was_shared = closed.is_some_and(|closed| closed.why == ChannelTrouble::Shared);
        match (was_shared, info.is_shared()) {
            (false, true) => {
                let error = SlackError::SharedChannel;
                self.channel_fails(channel, &error, shutdown).await;
            }
            (true, false) => self.channel_opens(channel, shutdown).await,
            (true, true) | (false, false) => {}
        }
    }
}
