//! Who sent a payload, as far as it shows.

use crate::domain::{TeamId, UserId};

/// What a payload shows of the app and workspace that it is for, and of who acted. What it is
/// worth is for [`InstallationScope`](crate::slack::caller::InstallationScope) to say.
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
