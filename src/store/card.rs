//! Messages in Slack that show a request's state, as the store keeps them.

use crate::domain::{ChannelId, RequestId};

/// A message in Slack that shows a request's current state, and is updated until it does.
///
/// A card is known by its request, its place and the channel that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The request that it shows.
    pub request: RequestId,
    /// Which of its messages it is.
    pub place: Place,
    /// Where it was asked for: a channel, or a person.
    pub asked_for: ChannelId,
    /// Where it is. A person's direct message is opened by the first post, and takes the person's
    /// place here.
    pub channel: ChannelId,
    /// The message's timestamp in Slack; nothing before it was posted.
    pub ts: Option<String>,
    /// What it shows: a digest of the message as sent; nothing before it was posted.
    pub shown: Option<String>,
    /// How often in a row Slack refused it.
    pub failures: u32,
}

/// A message that is to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCard {
    /// Which of the request's messages it is.
    pub place: Place,
    /// Where: a channel, or a person. Asked for again, it is the card that is there already.
    pub channel: ChannelId,
}

/// Which of a request's messages a card is. A request has at most one of each in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The approval card in the scope's channel.
    Approval,
    /// The card of an extension in the scope's channel.
    Extension,
    /// The requester's direct message about the request.
    Asked,
    /// The requester's direct message about the grant.
    Granted,
    /// The requester's warning before the end.
    Warning,
    /// The head of the request's thread in the audit channel.
    Audit,
    /// The head of the request's thread in an incident channel.
    Mirror,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Approval,
        Self::Extension,
        Self::Asked,
        Self::Granted,
        Self::Warning,
        Self::Audit,
        Self::Mirror,
    ];

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Extension => "extension",
            Self::Asked => "asked",
            Self::Granted => "granted",
            Self::Warning => "warning",
            Self::Audit => "audit",
            Self::Mirror => "mirror",
        }
    }

    /// The place of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}
