//! `api.test`, `auth.test` and `bots.info`: who the app is.

use serde_json::json;

use super::{Answer, ApiError, Args};
use crate::state::State;

pub(super) fn api_test(args: &Args) -> Answer {
    match args.text("error") {
        Some(_) => Err(ApiError::named("my_error")),
        None => Ok(json!({"args": args.to_json()})),
    }
}

pub(super) fn auth_test(state: &State) -> Answer {
    let workspace = &state.workspace;
    Ok(json!({
        "url": format!("https://{}.slack.com/", workspace.domain),
        "team": workspace.domain,
        "user": workspace.bot_name,
        "team_id": workspace.team_id,
        "user_id": workspace.bot_user_id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": false,
    }))
}

pub(super) fn bots_info(state: &State, args: &Args) -> Answer {
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
