//! What is asked of Slack every minute, whether or not there is anything to write: whether it answers,
//! whether it takes the token, and whether people of another company read the channels for approvals
//! and audit and may not. What is wrong is an alert.

use tokio_util::sync::CancellationToken;

use super::Messenger;
use crate::{
    domain::{ChannelId, Span},
    slack::{
        client::{ChannelTrouble, SlackError},
        view::alert,
    },
};

/// How often Slack is asked although no event came: it may be lost, or come to another replica.
const EVERY: Span = Span::minutes(1);

/// After how many rounds without an answer Slack is said not to answer.
const ROUNDS: u32 = 2;

impl Messenger {
    /// Asks Slack about the channels of the configuration, until told to stop; answers nothing then.
    pub(super) async fn probe(&self, shutdown: &CancellationToken) -> Option<()> {
        let mut rounds_without_answer = 0;
        loop {
            // Seen before the channels are looked at: a change in between wakes us.
            let changed = self.client.shared_channels().changed();
            let mut answered = false;
            let mut failed = None;
            for channel in std::iter::once(&self.audit_channel).chain(&self.other_channels) {
                match self.look_at(channel, shutdown).await {
                    Err(error @ SlackError::Unavailable(_)) => failed = Some(error),
                    _ => answered = true,
                }
            }
            match failed.filter(|_| !answered) {
                None => {
                    rounds_without_answer = 0;
                    self.alerts.clear(alert::UNAVAILABLE);
                }
                Some(error) => {
                    rounds_without_answer += 1;
                    if rounds_without_answer == ROUNDS {
                        let text = alert::unavailable_text(&error);
                        tracing::error!(alert = alert::UNAVAILABLE, "{text}");
                        self.alerts.raise(alert::UNAVAILABLE, text);
                    }
                }
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

    async fn look_at(
        &self,
        channel: &ChannelId,
        shutdown: &CancellationToken,
    ) -> Result<(), SlackError> {
        let info = match self.client.channel(channel).await {
            Ok(info) => info,
            Err(error) => {
                if error.is_of_the_installation() {
                    self.app_refused(channel, &error);
                }
                tracing::debug!(slack.channel = %channel, %error, "failed to read the state of a channel");
                return Err(error);
            }
        };
        self.token_works();
        let closed = self.channels.get(channel);
        let was_shared = closed.is_some_and(|closed| closed.why == ChannelTrouble::Shared);
        let is_shared = info.is_shared() && !self.client.is_reduced(channel);
        match (was_shared, is_shared) {
            (false, true) => {
                let error = SlackError::SharedChannel;
                self.channel_fails(channel, &error, shutdown).await;
            }
            (true, false) => self.channel_opens(channel, shutdown).await,
            (true, true) | (false, false) => {}
        }
        Ok(())
    }
}
