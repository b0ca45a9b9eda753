//! Clicks, submitted modals, searches in a select and shortcuts,
//! <https://docs.slack.dev/reference/interaction-payloads>.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    lenient::{Identified, filled, or_empty, truth},
    sender::Sender,
    shortcut::{self, Shortcut},
};
use crate::domain::{ChannelId, TeamId, UserId};

/// What somebody did in a message or a modal.
#[derive(Debug, Clone)]
pub enum InteractionPayload {
    /// They clicked a button or chose from a select.
    Actions(BlockActions),
    /// They submitted a modal.
    Submission(ViewSubmission),
    /// They search in a select of ours.
    Suggestion(BlockSuggestion),
    /// They chose a shortcut of ours.
    Shortcut(Shortcut),
    /// Nothing that we act on: a closed modal, whatever Slack invents next.
    Ignored {
        /// What Slack calls it.
        kind: String,
    },
}

/// A click, or a choice from a select.
#[derive(Debug, Clone)]
pub struct BlockActions {
    /// What it shows of who sent it.
    pub sender: Sender,
    /// What was clicked; Slack sends one.
    pub clicks: Vec<Click>,
    /// The modal that it happened in, if it did.
    pub view: Option<View>,
    /// The channel that it happened in, if it did.
    pub channel: Option<ChannelId>,
    /// Where a private answer goes; clicks in a modal have none.
    pub response_url: Option<String>,
    /// What opens a modal: once, within 3 seconds.
    pub trigger_id: Option<String>,
}

/// A submitted modal.
#[derive(Debug, Clone)]
pub struct ViewSubmission {
    /// What it shows of who sent it.
    pub sender: Sender,
    /// The modal as it was submitted.
    pub view: View,
}

/// A search in a select.
#[derive(Debug, Clone)]
pub struct BlockSuggestion {
    /// What it shows of who sent it.
    pub sender: Sender,
    /// Which select.
    pub action_id: String,
    /// What was typed so far.
    pub query: String,
}

/// One element that was used.
#[derive(Debug, Clone, Deserialize)]
pub struct Click {
    /// Which element.
    #[serde(default, deserialize_with = "or_empty")]
    pub action_id: String,
    #[serde(default, deserialize_with = "filled")]
    value: Option<String>,
    #[serde(default)]
    selected_option: Option<Choice>,
    #[serde(default)]
    selected_date_time: Option<i64>,
}

impl Click {
    /// What the button stands for, or what was chosen.
    pub fn value(&self) -> Option<&str> {
        let chosen = self.selected_option.as_ref();
        let chosen = chosen.and_then(|choice| choice.value.as_deref());
        self.value.as_deref().or(chosen)
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Choice {
    #[serde(default, deserialize_with = "filled")]
    value: Option<String>,
}

/// A modal as Slack holds it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct View {
    /// Its id: what an update names.
    #[serde(default, deserialize_with = "or_empty")]
    pub id: String,
    /// Its version: an update that names an old one is refused.
    #[serde(default, deserialize_with = "filled")]
    pub hash: Option<String>,
    /// Which of our modals it is.
    #[serde(default, deserialize_with = "or_empty")]
    pub callback_id: String,
    /// What we put into it for ourselves.
    #[serde(default, deserialize_with = "or_empty")]
    pub private_metadata: String,
    #[serde(default, deserialize_with = "filled")]
    app_installed_team_id: Option<TeamId>,
    #[serde(default, deserialize_with = "or_empty")]
    state: ViewState,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ViewState {
    #[serde(default, deserialize_with = "or_empty")]
    values: BTreeMap<String, BTreeMap<String, Click>>,
}

/// One input of a modal as it was filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The block that it stands in: where an error about it is shown.
    pub block_id: &'a str,
    /// What was typed or chosen; nothing if it was left empty.
    pub value: Option<&'a str>,
}

impl View {
    /// The input whose element is `action_id`, if the modal has it.
    pub fn field(&self, action_id: &str) -> Option<Field<'_>> {
        self.state.values.iter().find_map(|(block_id, elements)| {
            let value = elements.get(action_id)?.value();
            Some(Field { block_id, value })
        })
    }

    /// The moment that was chosen there, in seconds since 1970; nothing if it was left empty.
    pub fn date_time(&self, action_id: &str) -> Option<i64> {
        let mut inputs = self.state.values.values();
        inputs.find_map(|elements| elements.get(action_id)?.selected_date_time)
    }

    /// What was typed or chosen there; nothing if it was left empty.
    pub fn value(&self, action_id: &str) -> Option<&str> {
        self.field(action_id).and_then(|field| field.value)
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default, rename = "type", deserialize_with = "or_empty")]
    kind: String,
    #[serde(default, deserialize_with = "filled")]
    api_app_id: Option<String>,
    #[serde(default)]
    team: Option<Team>,
    #[serde(default)]
    enterprise: Option<Identified<TeamId>>,
    #[serde(default, deserialize_with = "truth")]
    is_enterprise_install: bool,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    channel: Option<Identified<ChannelId>>,
    #[serde(default)]
    container: Option<Container>,
    #[serde(default, deserialize_with = "filled")]
    response_url: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    trigger_id: Option<String>,
    #[serde(default)]
    view: Option<View>,
    #[serde(default, deserialize_with = "or_empty")]
    actions: Vec<Click>,
    #[serde(default, deserialize_with = "or_empty")]
    action_id: String,
    #[serde(default, deserialize_with = "or_empty")]
    value: String,
}

#[derive(Deserialize)]
struct Team {
    #[serde(default, deserialize_with = "filled")]
    id: Option<TeamId>,
    #[serde(default, deserialize_with = "filled")]
    enterprise_id: Option<TeamId>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default, deserialize_with = "filled")]
    id: Option<UserId>,
    #[serde(default, deserialize_with = "filled")]
    team_id: Option<TeamId>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default, deserialize_with = "filled")]
    channel_id: Option<ChannelId>,
}

/// A payload of another kind is only looked at for its kind: whatever else it has may change.
#[derive(Deserialize)]
struct Kind {
    #[serde(default, rename = "type", deserialize_with = "or_empty")]
    kind: String,
}

impl InteractionPayload {
    /// Reads the JSON of an interaction.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or a field that we read has another shape.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let Kind { kind } = serde_json::from_str(json)?;
        if !matches!(
            kind.as_str(),
            "block_actions"
                | "view_submission"
                | "block_suggestion"
                | "shortcut"
                | "message_action"
        ) {
            return Ok(Self::Ignored { kind });
        }
        let raw: Raw = serde_json::from_str(json)?;
        let sender = raw.sender();
        Ok(match raw.kind.as_str() {
            "block_actions" => {
                let channel = raw.channel.and_then(|channel| channel.id);
                let contained = raw.container.and_then(|container| container.channel_id);
                Self::Actions(BlockActions {
                    sender,
                    clicks: raw.actions,
                    view: raw.view,
                    channel: channel.or(contained),
                    response_url: raw.response_url,
                    trigger_id: raw.trigger_id,
                })
            }
            "view_submission" => Self::Submission(ViewSubmission {
                sender,
                view: raw.view.unwrap_or_default(),
            }),
            "shortcut" | "message_action" => {
                let chosen: shortcut::Raw = serde_json::from_str(json)?;
                Self::Shortcut(chosen.sent_by(sender))
            }
            _ => Self::Suggestion(BlockSuggestion {
                sender,
                action_id: raw.action_id,
                query: raw.value,
            }),
        })
    }
}

impl Raw {
    fn sender(&self) -> Sender {
        let (team, user, view) = (self.team.as_ref(), self.user.as_ref(), self.view.as_ref());
        let acting = self.enterprise.as_ref().and_then(|org| org.id.clone());
        Sender {
            app: self.api_app_id.clone(),
            team: team.and_then(|team| team.id.clone()),
            enterprise: acting.or(team.and_then(|team| team.enterprise_id.clone())),
            org_wide: self.is_enterprise_install,
            installed: view.and_then(|view| view.app_installed_team_id.clone()),
            user: user.and_then(|user| user.id.clone()),
            user_team: user.and_then(|user| user.team_id.clone()),
        }
    }
}
