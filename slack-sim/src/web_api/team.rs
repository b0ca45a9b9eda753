//! `team.info`: the workspace itself.

use serde_json::json;

use super::error::Answer;
use crate::state::State;

pub(super) fn info(state: &State) -> Answer {
    let workspace = &state.workspace;
    let mut team = json!({
        "id": workspace.team_id,
        "name": workspace.team_name(),
        "domain": workspace.domain,
        "url": format!("https://{}.slack.com/", workspace.domain),
        "email_domain": "",
        "icon": {"image_default": true},
    });
    if let Some(enterprise) = &workspace.enterprise {
        team["enterprise_id"] = json!(enterprise.id);
        team["enterprise_name"] = json!(enterprise.name);
    }
    Ok(json!({"team": team}))
}
