//! `usergroups.*`.

use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
};
use crate::workspace::CREATED;
use crate::{state::State, workspace::Group};

pub(super) fn list(state: &State, args: &Args) -> Answer {
    args.required_team(state)?;
    let groups = state.workspace.groups.values();
    let groups: Vec<Value> = groups
        .map(|group| object(state, group, args.flag("include_users")))
        .collect();
    Ok(json!({"usergroups": groups}))
}

pub(super) fn users_list(state: &State, args: &Args) -> Answer {
    args.required_team(state)?;
    let id = args.required("usergroup")?;
    match state.workspace.groups.get(id) {
        Some(group) => Ok(json!({"users": group.members})),
        None => Err(ApiError::named("no_such_subteam")),
    }
}

fn object(state: &State, group: &Group, include_users: bool) -> Value {
    let mut out = json!({
        "id": group.id,
        "team_id": state.workspace.team_id,
        "is_usergroup": true,
        "is_external": false,
        "handle": group.handle,
        "name": group.handle,
        "description": "",
        "auto_type": null,
        "created_by": "USLACKBOT",
        "updated_by": "USLACKBOT",
        "date_create": CREATED,
        "date_update": CREATED,
        "date_delete": 0,
        "deleted_by": null,
        "prefs": {"channels": [], "groups": []},
        "user_count": group.members.len(),
    });
    if include_users {
        out["users"] = json!(group.members);
    }
    out
}
