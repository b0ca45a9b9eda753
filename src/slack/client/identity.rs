//! Who the token belongs to.

use serde::Deserialize;

use super::{
    SlackError,
    call::{Api, Patience},
};
use crate::domain::TeamId;

/// Who we are in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our workspace; our organisation's id where the app is installed for all of it.
    pub team: TeamId,
    /// Our organisation, if the workspace belongs to one.
    pub enterprise: Option<TeamId>,
    /// Whether the app is installed for the whole organisation.
    pub org_wide: bool,
    /// The app, `A…`, if Slack tells.
    pub app_id: Option<String>,
}

/// `auth.test`, <https://docs.slack.dev/reference/methods/auth.test>.
#[derive(Deserialize)]
struct Test {
    team_id: TeamId,
    enterprise_id: Option<TeamId>,
    #[serde(default)]
    is_enterprise_install: bool,
    bot_id: Option<String>,
}

/// `bots.info`, <https://docs.slack.dev/reference/methods/bots.info>.
#[derive(Deserialize)]
struct Info {
    bot: Bot,
}

#[derive(Deserialize)]
struct Bot {
    app_id: Option<String>,
}

pub(super) async fn ask(api: &Api) -> Result<Identity, SlackError> {
    let test: Test = api
        .post("auth.test", &serde_json::json!({}), Patience::FailsFast)
        .await?;
    let bot = [("bot", test.bot_id)];
    // Without `users:read` Slack does not tell, and nothing rests on it alone.
    let info = api.get::<Info>("bots.info", &bot).await;
    let app_id = info.ok().and_then(|info| info.bot.app_id);
    Ok(Identity {
        team: test.team_id,
        enterprise: test.enterprise_id,
        org_wide: test.is_enterprise_install,
        app_id,
    })
}
