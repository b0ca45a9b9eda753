//! What Slack sends, as far as we read it.
//!
//! The types are lenient on purpose, and ours: slack-morphism's refuse what Slack really sends (a
//! null `team` in an organisation-wide install, an interaction of a kind they do not know), and its
//! command lacks the enterprise. Here a field that is absent, null or blank is one thing, `None`;
//! fields that nobody reads are not parsed; a kind that nobody handles is [`InteractionPayload::Ignored`]
//! or [`Event::Ignored`]. An absent field never counts as a "no": see [`caller`](super::caller).

mod command;
mod event;
mod interaction;
mod lenient;

use crate::domain::{TeamId, UserId};

pub use command::SlashCommand;
pub use event::Event;
pub use interaction::{
    BlockActions, BlockSuggestion, Click, Field, InteractionPayload, View, ViewSubmission,
};

/// What a payload shows of the app and workspace that it is for, and of who acted. What it is
/// worth is for [`InstallationScope`](super::caller::InstallationScope) to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// `api_app_id`: the app that it was sent to.
    pub app: Option<String>,
    /// `team`: ours in a stranger's `block_actions`, theirs in a stranger's `view_submission`,
    /// null in an organisation-wide install.
    pub team: Option<TeamId>,
    /// The organisation above `team`, or the one that acted.
    pub enterprise: Option<TeamId>,
    /// Whether the app is installed organisation-wide.
    pub org_wide: bool,
    /// `view.app_installed_team_id`: where the app is installed, whoever acts.
    pub installed: Option<TeamId>,
    /// Who acted.
    pub user: Option<UserId>,
    /// `user.team_id`: where they belong; may be an organisation. Slash commands have none.
    pub user_team: Option<TeamId>,
}
