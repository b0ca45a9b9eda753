//! Who the token belongs to.

use serde::Deserialize;
use slack_morphism::api::SlackApiBotsInfoResponse;

use super::{call::Api, error::SlackError};
use crate::domain::TeamId;

/// The scopes that Keylend uses, which `manifest.yml` asks for.
pub const SCOPES: [&str; 8] = [
    "channels:read",
    "chat:write",
    "commands",
    "groups:read",
    "im:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
];

/// Who we are in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our workspace; our organisation's id where the app is installed for all of it.
    pub team: TeamId,
    /// Our organisation, if the workspace belongs to one.
    pub enterprise: Option<TeamId>,
    /// Whether the app is installed for the whole organisation.
    pub org_wide: bool,
    /// The organisation's workspaces that the app is added to, where it is installed for all of
    /// it: some methods have to be told which of them is meant.
    pub workspaces: Vec<TeamId>,
    /// The app, `A…`, if Slack tells.
    pub app_id: Option<String>,
}

/// `auth.test`, <https://docs.slack.dev/reference/methods/auth.test>. slack-morphism's model has
/// neither `enterprise_id` nor `is_enterprise_install`.
#[derive(Deserialize)]
struct Test {
    team_id: TeamId,
    enterprise_id: Option<TeamId>,
    #[serde(default)]
    is_enterprise_install: bool,
    bot_id: Option<String>,
}

/// `auth.teams.list`, <https://docs.slack.dev/reference/methods/auth.teams.list>, of which
/// slack-morphism has no model.
#[derive(Deserialize)]
struct Teams {
    teams: Vec<Team>,
}

#[derive(Deserialize)]
struct Team {
    id: TeamId,
}

pub(super) async fn ask(api: &Api) -> Result<Identity, SlackError> {
    let test: Test = api.post("auth.test", &serde_json::json!({})).await?;
    let workspaces = match test.is_enterprise_install {
        true => workspaces(api).await?,
        false => Vec::new(),
    };
    let bot = [
        ("bot", test.bot_id),
        ("team_id", workspaces.first().map(TeamId::to_string)),
    ];
    // Without `users:read` Slack does not tell, and nothing rests on it alone.
    let info = api.get::<SlackApiBotsInfoResponse>("bots.info", &bot).await;
    let app_id = info.ok().map(|info| info.bot.app_id);
    Ok(Identity {
        team: test.team_id,
        enterprise: test.enterprise_id,
        org_wide: test.is_enterprise_install,
        workspaces,
        app_id,
    })
}

async fn workspaces(api: &Api) -> Result<Vec<TeamId>, SlackError> {
    // More than an organisation is likely to have; there is no second page.
    let page = [("limit", Some("1000".to_owned()))];
    let Teams { teams } = api.get("auth.teams.list", &page).await?;
    Ok(teams.into_iter().map(|team| team.id).collect())
}
