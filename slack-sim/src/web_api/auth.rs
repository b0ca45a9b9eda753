//! `api.test`, `auth.*` and `bots.info`: who the app is, and ending it.

use serde_json::json;

use super::{
    args::Args,
    error::{Answer, ApiError},
};
use crate::app::Standing;
use crate::state::State;

pub(super) fn api_test(args: &Args) -> Answer {
    match args.text("error") {
        Some(_) => Err(ApiError::named("my_error")),
        None => Ok(json!({"args": args.to_json()})),
    }
}

pub(super) fn auth_test(state: &State) -> Answer {
    let workspace = &state.workspace;
    let mut answer = json!({
        "url": format!("https://{}.slack.com/", workspace.domain),
        "team": workspace.team_name(),
        "user": workspace.bot_name,
        "team_id": workspace.team_id,
        "user_id": workspace.bot_user_id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": workspace.installed_org().is_some(),
    });
    if let Some(enterprise) = &workspace.enterprise {
        answer["enterprise_id"] = json!(enterprise.id);
    }
    if let Some(org) = workspace.installed_org() {
        answer["team"] = json!(org.name);
        answer["team_id"] = json!(org.id);
    }
    Ok(answer)
}

/// `auth.test` with an app-level token: which app it is.
pub(super) fn app_test(state: &State) -> Answer {
    let workspace = &state.workspace;
    Ok(json!({"app_name": workspace.app_name(), "app_id": workspace.app_id}))
}

/// The workspaces that the app is added to.
pub(super) fn teams_list(state: &State) -> Answer {
    let workspace = &state.workspace;
    Ok(json!({
        "teams": [{"id": workspace.team_id, "name": workspace.domain}],
        "response_metadata": {"next_cursor": ""},
    }))
}

/// Revokes the bot token, or says with `test` what would happen.
pub(super) fn revoke(state: &mut State, args: &Args) -> Answer {
    let revoked = !args.flag("test");
    if revoked {
        state.standing = Standing::Revoked;
    }
    Ok(json!({"revoked": revoked}))
}

pub(super) fn bots_info(state: &State, args: &Args) -> Answer {
    args.required_team(state)?;
    let workspace = &state.workspace;
    match args.text("bot") {
        Some(bot) if bot == workspace.bot_id => Ok(json!({
            "bot": {
                "id": workspace.bot_id,
                "app_id": workspace.app_id,
                "user_id": workspace.bot_user_id,
                "name": workspace.bot_name,
                "deleted": false,
            },
        })),
        _ => Err(ApiError::named("bot_not_found")),
    }
}
