//! Everything that the messenger does, side by side.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Messenger, feeds::Feed};
use crate::presentation::within_grace;

impl Messenger {
    /// Works until `shutdown`, then finishes the messages that are on their way, within five
    /// seconds.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let work = async {
            tokio::join!(
                self.tell_alerts(&shutdown),
                self.forget_dropped(&shutdown),
                self.probe(&shutdown),
                self.follower
                    .follow(&shutdown, || self.followed.notify_waiters()),
                self.show_cards(&shutdown),
                self.follow(Feed::Audit, &shutdown),
                self.follow(Feed::Mirror, &shutdown),
                self.follow(Feed::Notices, &shutdown),
                self.follow(Feed::Approvers, &shutdown),
                self.follow(Feed::Reviewers, &shutdown),
                self.follow(Feed::Questions, &shutdown),
                self.tell_backlogs(&shutdown),
                self.tell_digests(&shutdown),
            )
        };
        if !within_grace(&shutdown, work).await {
            tracing::warn!("stopped while posting messages; the next start posts them");
        }
    }
}
