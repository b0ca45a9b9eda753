//! A slash command, <https://docs.slack.dev/interactivity/implementing-slash-commands>.

use serde::Deserialize;

use super::{
    lenient::{filled, or_empty, truth},
    sender::Sender,
};
use crate::domain::{ChannelId, TeamId, UserId};

/// A slash command: a form over HTTP, the same fields as JSON over a socket.
#[derive(Debug, Clone, Deserialize)]
pub struct SlashCommand {
    #[serde(default, deserialize_with = "filled")]
    api_app_id: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    team_id: Option<TeamId>,
    #[serde(default, deserialize_with = "filled")]
    enterprise_id: Option<TeamId>,
    #[serde(default, deserialize_with = "truth")]
    is_enterprise_install: bool,
    #[serde(default, deserialize_with = "filled")]
    user_id: Option<UserId>,
    /// Where it was typed.
    #[serde(default, deserialize_with = "filled")]
    pub channel_id: Option<ChannelId>,
    /// That channel's name; `privategroup` or `directmessage` where Slack does not tell.
    #[serde(default, deserialize_with = "filled")]
    pub channel_name: Option<String>,
    /// What stands behind the command; escaped by Slack, with mentions as `<@U…|name>`.
    #[serde(default, deserialize_with = "or_empty")]
    pub text: String,
    /// Where the answer goes: 5 times within 30 minutes.
    #[serde(default, deserialize_with = "filled")]
    pub response_url: Option<String>,
    /// What opens a modal: once, within 3 seconds. No other command has it.
    #[serde(default, deserialize_with = "filled")]
    pub trigger_id: Option<String>,
}

impl SlashCommand {
    /// What it shows of who sent it. A command says where it was typed, not where its author
    /// belongs: strangers cannot type one.
    pub fn sender(&self) -> Sender {
        Sender {
            app: self.api_app_id.clone(),
            team: self.team_id.clone(),
            enterprise: self.enterprise_id.clone(),
            org_wide: self.is_enterprise_install,
            installed: None,
            user: self.user_id.clone(),
            user_team: None,
        }
    }
}
