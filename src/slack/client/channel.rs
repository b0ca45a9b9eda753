//! What Slack says of a channel (`conversations.info`).

use slack_morphism::{SlackChannelInfo, api::SlackApiConversationsInfoResponse};

use super::{error::SlackError, methods::Client};
use crate::domain::ChannelId;

/// A channel, as far as writing to it is concerned. A field that Slack leaves out says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelInfo {
    /// Its name without `#`; nothing for direct messages.
    pub name: Option<String>,
    is_archived: Option<bool>,
    is_member: Option<bool>,
}

/// Why messages cannot be written to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelTrouble {
    /// It is archived.
    Archived,
    /// The bot is not in it.
    NotAMember,
    /// Slack does not know it, or does not let us know of it.
    Unknown,
    /// Slack refuses it for a reason that the channel does not show.
    Refused,
}

impl From<SlackChannelInfo> for ChannelInfo {
    fn from(channel: SlackChannelInfo) -> Self {
        Self {
            name: channel.name,
            is_archived: channel.flags.is_archived,
            is_member: channel.flags.is_member,
        }
    }
}

impl ChannelInfo {
    /// Why a message was refused in this channel.
    pub fn trouble(&self) -> ChannelTrouble {
        match (self.is_archived, self.is_member) {
            (Some(true), _) => ChannelTrouble::Archived,
            (_, Some(false)) => ChannelTrouble::NotAMember,
            _ => ChannelTrouble::Refused,
        }
    }
}

impl Client {
    /// What a channel is like (`conversations.info`).
    ///
    /// # Errors
    ///
    /// If Slack refuses it (`channel_not_found`: the bot may not know of it), does not answer, or
    /// asked not to be called now.
    pub async fn channel(&self, channel: &ChannelId) -> Result<ChannelInfo, SlackError> {
        let asked = [("channel", Some(channel.to_string()))];
        let info: SlackApiConversationsInfoResponse =
            self.read("conversations.info", &asked).await?;
        Ok(info.channel.into())
    }

    /// A channel's name without `#` (`conversations.info`); nothing for direct messages and
    /// for channels that the bot may not know of.
    ///
    /// # Errors
    ///
    /// If Slack refuses it otherwise, does not answer, or asked not to be called now.
    pub async fn channel_name(&self, channel: &ChannelId) -> Result<Option<String>, SlackError> {
        match self.channel(channel).await {
            Ok(info) => Ok(info.name),
            Err(SlackError::Refused(code)) if code == "channel_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }
}
