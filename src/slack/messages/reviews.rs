//! How reviewers hear of break-glass, beside the card in the security channel: by a direct message at once, and
//! by weekly reminders while the review is open, which the channel gets too.

use std::collections::BTreeSet;

use super::{Messenger, feeds::Destination};
use crate::{
    domain::{ChannelId, Request, UserId},
    presentation::Place,
};

/// How many people get a direct message about one review.
const MESSAGED: usize = 20;

impl Messenger {
    /// Who is told of a review: the members of the reviewer groups but for whoever used break-glass; and of a
    /// reminder the security channel, in the card's thread.
    pub(super) async fn reviewers_told(
        &self,
        request: &Request,
        is_reminder: bool,
    ) -> Vec<Destination> {
        let Some(review) = &request.review else {
            return Vec::new();
        };
        let mut people: BTreeSet<UserId> = BTreeSet::new();
        for group in &review.reviewers {
            match self.directory.recent_members(group).await {
                Ok(members) => people.extend(members),
                Err(error) => tracing::warn!(
                    %group, %error,
                    "failed to read whom to notify; the review card is posted"
                ),
            }
        }
        people.retain(|id| !self.directory.human(id, None).is(&request.human));
        let people = people.iter().take(MESSAGED).map(|person| Destination {
            channel: ChannelId::new(person.as_str()),
            head: None,
        });
        let channel = is_reminder.then(|| Destination {
            channel: review.channel.clone(),
            head: Some(Place::Review),
        });
        people.chain(channel).collect()
    }
}
