//! `conversations.*`: channels as the bot may know them.

use serde_json::{Value, json};

use super::{Answer, ApiError, Args, CREATED};
use crate::{
    state::State,
    workspace::{Channel, Kind},
};

pub(super) fn info(state: &State, args: &Args) -> Answer {
    let id = args.required("channel")?;
    if let Some(user) = state.dm_owner(id) {
        return Ok(json!({"channel": {
            "id": id,
            "created": CREATED,
            "is_im": true,
            "is_archived": false,
            "is_ext_shared": false,
            "is_org_shared": false,
            "is_shared": false,
            "user": user,
        }}));
    }
    Ok(json!({"channel": object(known(state, id)?)}))
}

pub(super) fn members(state: &State, args: &Args) -> Answer {
    let id = args.required("channel")?;
    let bot = state.workspace.bot_user_id.clone();
    let members = match state.dm_owner(id) {
        Some(user) => vec![user.to_owned(), bot],
        None => {
            let channel = known(state, id)?;
            let mut members = channel.members.clone();
            members.extend(channel.bot_is_member.then_some(bot));
            members
        }
    };
    Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
}

pub(super) fn open(state: &mut State, args: &Args) -> Answer {
    let users = match args.json("users") {
        Value::Array(all) => all
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect::<Vec<_>>()
            .join(","),
        _ => args.text("users").unwrap_or_default().to_owned(),
    };
    if users.is_empty() {
        return Err(ApiError::named("users_list_not_supplied"));
    }
    let Some(person) = state.person(&users) else {
        return Err(ApiError::named("user_not_found"));
    };
    match person.kind {
        Kind::Bot => return Err(ApiError::named("cannot_dm_bot")),
        Kind::Deactivated => return Err(ApiError::named("user_disabled")),
        _ => {}
    }
    let already_open = state.dms.contains_key(&users);
    let id = state.open_dm(&users);
    let mut answer = json!({"channel": {"id": id}});
    if already_open {
        answer["already_open"] = json!(true);
        answer["no_op"] = json!(true);
    }
    Ok(answer)
}

/// A channel that the bot may know of: public, or one it is in.
fn known<'a>(state: &'a State, id: &str) -> Result<&'a Channel, ApiError> {
    let channel = state.workspace.channels.get(id);
    channel
        .filter(|channel| !channel.is_private || channel.bot_is_member)
        .ok_or(ApiError::named("channel_not_found"))
}

fn object(channel: &Channel) -> Value {
    let nothing = json!({"value": "", "creator": "", "last_set": 0});
    json!({
        "id": channel.id,
        "created": CREATED,
        "creator": "USLACKBOT",
        "updated": CREATED * 1000,
        "unlinked": 0,
        "topic": nothing,
        "purpose": nothing,
        "previous_names": [],
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": !channel.is_private,
        "is_group": channel.is_private,
        "is_im": false,
        "is_mpim": false,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": false,
        "is_member": channel.bot_is_member,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": false,
        "is_pending_ext_shared": false,
        "pending_shared": [],
        "num_members": channel.members.len(),
    })
}
