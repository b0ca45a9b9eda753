//! `conversations.*`: channels as the bot may know them, and the direct messages it opens.

use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
    paging,
};
use crate::workspace::CREATED;
use crate::{
    state::State,
    workspace::{Channel, Kind},
};

/// Entries of a page whose limit is not given.
const USUAL: usize = 100;

pub(super) fn info(state: &State, args: &Args) -> Answer {
    let id = args.required("channel")?;
    if let Some(user) = state.dm_owner(id) {
        return Ok(json!({"channel": direct(id, user)}));
    }
    let mut channel = object(state, known(state, id)?);
    if !args.flag("include_num_members") {
        channel
            .as_object_mut()
            .map(|fields| fields.remove("num_members"));
    }
    Ok(json!({"channel": channel}))
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
    let (members, next) = paging::page(members, args, USUAL)?;
    Ok(json!({"members": members, "response_metadata": paging::metadata(&next)}))
}

/// The channels of the workspace that the bot may know of.
pub(super) fn list(state: &State, args: &Args) -> Answer {
    args.required_team(state)?;
    listed(state, args, |_| true, |_| true)
}

/// The channels that somebody is in, the bot itself unless another is named.
pub(super) fn of_user(state: &State, args: &Args) -> Answer {
    args.required_team(state)?;
    let bot = &state.workspace.bot_user_id;
    let user = args.text("user").unwrap_or(bot);
    if state.person(user).is_none() {
        return Err(ApiError::named("user_not_found"));
    }
    let is_in = |channel: &Channel| match user == bot {
        true => channel.bot_is_member,
        false => channel.members.iter().any(|member| member == user),
    };
    listed(state, args, is_in, |owner| user == bot || user == owner)
}

fn listed(
    state: &State,
    args: &Args,
    wanted: impl Fn(&Channel) -> bool,
    talks: impl Fn(&str) -> bool,
) -> Answer {
    let types = args.text("types").unwrap_or("public_channel");
    let has = |kind: &str| types.split(',').any(|one| one.trim() == kind);
    let channels = state.workspace.channels.values().filter(|channel| {
        let is_asked_for = match channel.is_private {
            true => has("private_channel") && channel.bot_is_member,
            false => has("public_channel"),
        };
        let is_open = !(channel.is_archived && args.flag("exclude_archived"));
        is_asked_for && is_open && wanted(channel)
    });
    let mut all: Vec<Value> = channels.map(|channel| object(state, channel)).collect();
    if has("im") {
        let dms = state.dms.iter().filter(|(user, _)| talks(user));
        all.extend(dms.map(|(user, id)| direct(id, user)));
    }
    let (channels, next) = paging::page(all, args, USUAL)?;
    Ok(json!({"channels": channels, "response_metadata": paging::metadata(&next)}))
}

pub(super) fn join(state: &mut State, args: &Args) -> Answer {
    let id = args.required("channel")?;
    let was_in = known(state, id)?.bot_is_member;
    let channel = state.workspace.channels.get_mut(id);
    let channel = channel.ok_or(ApiError::named("channel_not_found"))?;
    if channel.is_archived {
        return Err(ApiError::named("is_archived"));
    }
    channel.bot_is_member = true;
    let channel = channel.clone();
    let mut answer = json!({"channel": object(state, &channel)});
    if was_in {
        answer["warning"] = json!("already_in_channel");
        answer["response_metadata"] = json!({"warnings": ["already_in_channel"]});
    }
    Ok(answer)
}

pub(super) fn open(state: &mut State, args: &Args) -> Answer {
    if let Some(channel) = args.text("channel") {
        let owner = state.dm_owner(channel);
        let owner = owner.ok_or(ApiError::named("channel_not_found"))?;
        return Ok(opened(args, channel, owner, true));
    }
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
    Ok(opened(args, &id, &users, already_open))
}

fn opened(args: &Args, id: &str, user: &str, already_open: bool) -> Value {
    let channel = match args.flag("return_im") {
        true => direct(id, user),
        false => json!({"id": id}),
    };
    let mut answer = json!({"channel": channel});
    if already_open {
        answer["already_open"] = json!(true);
        answer["no_op"] = json!(true);
    }
    answer
}

/// A channel that the bot may know of: public, or one it is in.
fn known<'a>(state: &'a State, id: &str) -> Result<&'a Channel, ApiError> {
    let channel = state.workspace.channels.get(id);
    channel
        .filter(|channel| !channel.is_private || channel.bot_is_member)
        .ok_or(ApiError::named("channel_not_found"))
}

/// The object of a direct message channel.
fn direct(id: &str, user: &str) -> Value {
    json!({
        "id": id,
        "created": CREATED,
        "is_im": true,
        "is_archived": false,
        "is_ext_shared": false,
        "is_org_shared": false,
        "is_shared": false,
        "is_open": true,
        "is_user_deleted": false,
        "priority": 0,
        "user": user,
    })
}

fn object(state: &State, channel: &Channel) -> Value {
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
        "context_team_id": state.workspace.team_id,
        "parent_conversation": null,
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
        "pending_connected_team_ids": [],
        "shared_team_ids": [state.workspace.team_id],
        "num_members": channel.members.len(),
    })
}
