//! What Slack says of a channel (`conversations.info`).

use serde::Deserialize;

use super::{error::SlackError, methods::Client};
use crate::domain::ChannelId;

/// A channel, as far as writing to it is concerned. A field that Slack leaves out says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChannelInfo {
    /// Its name without `#`; nothing for direct messages.
    pub name: Option<String>,
    is_archived: Option<bool>,
    is_member: Option<bool>,
    is_ext_shared: Option<bool>,
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
    /// People of another company read it.
    Shared,
    /// Slack refuses it for a reason that the channel does not show.
    Refused,
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

    /// Whether people of another company read it, or Slack does not deny it. `is_shared` says
    /// another thing: workspaces of one organisation share channels too.
    pub fn is_shared(&self) -> bool {
        self.is_ext_shared != Some(false)
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
        #[derive(Deserialize)]
        struct Info {
            channel: ChannelInfo,
        }
        let asked = [("channel", Some(channel.to_string()))];
        let Info { channel: info } = self.read("conversations.info", &asked).await?;
        self.shared_channels().learn(channel, info.is_shared());
        Ok(info)
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

    /// Refuses a channel that people of another company read and may not. Whether they do was asked within
    /// the last minute.
    ///
    /// # Errors
    ///
    /// [`SlackError::SharedChannel`]; or that Slack does not say.
    pub async fn refuse_shared(&self, channel: &ChannelId) -> Result<(), SlackError> {
        if !channel.as_str().starts_with(['C', 'G']) || self.is_reduced(channel) {
            return Ok(());
        }
        let is_shared = match self.shared_channels().is_shared(channel) {
            Some(is_shared) => is_shared,
            None => match self.channel(channel).await {
                Ok(info) => info.is_shared(),
                // It says nothing of the message that waits for it.
                Err(error) if error.is_permanent() => {
                    return Err(SlackError::Unavailable(format!(
                        "conversations.info: {error}"
                    )));
                }
                Err(error) => return Err(error),
            },
        };
        match is_shared {
            true => Err(SlackError::SharedChannel),
            false => Ok(()),
        }
    }
}
