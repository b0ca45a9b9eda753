//! Alerts: the audit channel is told once when one is raised and once when it clears; another
//! channel, while Slack takes no messages in the audit channel.
//!
//! What was told is known in memory only: a replica that takes over tells what is raised then. A
//! crash between Slack's answer and the note of it tells an alert twice; none is lost, because an
//! alert that is still raised is untold after the restart.

use std::{collections::BTreeMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::Messenger;
use crate::slack::{
    client::Message,
    view::{alert, reduced},
};

/// How long to wait for more before a message is written: what fails together is told together.
const FOLD: Duration = Duration::from_secs(2);

/// The shortest time between two messages: an alert that comes and goes does not fill the channel.
const PAUSE: Duration = Duration::from_secs(30);

impl Messenger {
    /// Tells which alerts are raised and which have cleared, until told to stop; answers nothing
    /// then.
    pub(super) async fn tell_alerts(&self, shutdown: &CancellationToken) -> Option<()> {
        let mut changed = self.alerts.changed();
        let mut told = BTreeMap::new();
        loop {
            // Seen before the alerts are read: one that is raised in between wakes us.
            changed.borrow_and_update();
            if alert::news(&told, &self.alerts.raised()).is_none() {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return None,
                    moved = changed.changed() => moved.ok()?,
                }
                continue;
            }
            self.retry.wait(FOLD, shutdown).await?;
            let raised = self.deliver_alerts(&told, shutdown).await?;
            told = raised;
            self.retry.wait(PAUSE, shutdown).await?;
        }
    }

    /// Posts what is new of the alerts until it is posted, and answers the alerts that were told
    /// then; nothing if told to stop first.
    async fn deliver_alerts(
        &self,
        told: &BTreeMap<String, String>,
        shutdown: &CancellationToken,
    ) -> Option<BTreeMap<String, String>> {
        for failures in 1.. {
            // Read again before each try: what has cleared meanwhile is not told.
            let raised = self.alerts.raised();
            if alert::news(told, &raised).is_none()
                || self.post_alerts(told, &raised, shutdown).await
            {
                return Some(raised);
            }
            self.retry
                .wait(self.retry.after(failures), shutdown)
                .await?;
        }
        None
    }

    /// Posts what is new of the alerts in the audit channel or, if Slack takes no messages there, in the
    /// first other channel in which it does. Answers whether it was posted.
    async fn post_alerts(
        &self,
        told: &BTreeMap<String, String>,
        raised: &BTreeMap<String, String>,
        shutdown: &CancellationToken,
    ) -> bool {
        for channel in std::iter::once(&self.audit_channel).chain(&self.other_channels) {
            if self.closed_until(channel).is_some() {
                continue;
            }
            let news = match self.client.is_reduced(channel) {
                true => alert::news(told, &reduced::alerts(raised)),
                false => alert::news(told, raised),
            };
            let message = Message::text(news.unwrap_or_default());
            match self.client.post(channel, None, &message).await {
                Ok(_) => {
                    self.channel_works(channel, shutdown).await;
                    return true;
                }
                Err(error) if error.is_of_the_channel() => {
                    self.channel_fails(channel, &error, shutdown).await;
                }
                Err(error) => {
                    tracing::warn!(%channel, %error, "failed to post alerts; Keylend retries");
                    return false;
                }
            }
        }
        false
    }
}
