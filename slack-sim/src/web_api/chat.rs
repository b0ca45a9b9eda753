//! `chat.*`: what the app's bot says, changes and shows to one person.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
};
use crate::{
    blocks, entities,
    message::Message,
    state::{Draft, State},
    workspace::Kind,
};

/// Characters that a new message may have; longer ones are refused here, not cut.
pub(super) const MOST_POSTED: usize = 40_000;
/// Characters that an updated message may have.
const MOST_UPDATED: usize = 4_000;
/// Legacy attachments that a message may have.
const MOST_ATTACHMENTS: usize = 100;
/// Bytes that a message's metadata may have.
const MOST_METADATA: usize = 16_000;

pub(super) fn post_message(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let channel = destination(state, args.required("channel")?)?;
    let mut draft = content(args, MOST_POSTED)?;
    if let Some(thread_ts) = args.text("thread_ts") {
        if state.message_mut(&channel, thread_ts).is_none() {
            return Err(ApiError::named("thread_not_found"));
        }
        draft.thread_ts = Some(thread_ts.to_owned());
        draft.is_broadcast = args.flag("reply_broadcast");
    }
    let ts = state.next_ts(now);
    let message = state.bot_message(&channel, draft, ts);
    Ok(json!({
        "channel": channel,
        "ts": message.ts,
        "message": state.message_json(&message),
    }))
}

pub(super) fn update(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let channel = args.required("channel")?.to_owned();
    let ts = args.required("ts")?;
    of_messages(state, &channel)?;
    let mut draft = content(args, MOST_UPDATED)?;
    blocks::complete(&mut draft.blocks, || state.unique(5));
    let bot = state.workspace.bot_user_id.clone();
    let edited = state.next_ts(now);
    let message = state
        .message_mut(&channel, ts)
        .filter(|message| message.ephemeral_to.is_none())
        .ok_or(ApiError::named("message_not_found"))?;
    if message.user != bot {
        return Err(ApiError::named("cant_update_message"));
    }
    // Text without blocks takes the blocks away.
    message.text = entities::escape_mrkdwn(&draft.text);
    message.blocks = draft.blocks;
    if args.has("metadata") {
        message.metadata = draft.metadata;
    }
    message.edited = Some(edited);
    let message = message.clone();
    Ok(json!({
        "channel": channel,
        "ts": message.ts,
        "text": message.text,
        "message": state.message_json(&message),
    }))
}

pub(super) fn delete(state: &mut State, args: &Args) -> Answer {
    let channel = args.required("channel")?.to_owned();
    let ts = args.required("ts")?.to_owned();
    of_messages(state, &channel)?;
    let bot = state.workspace.bot_user_id.clone();
    let message = state
        .message_mut(&channel, &ts)
        .filter(|message| message.ephemeral_to.is_none())
        .ok_or(ApiError::named("message_not_found"))?;
    if message.user != bot {
        return Err(ApiError::named("cant_delete_message"));
    }
    let is_it = |message: &Message| message.channel == channel && message.ts == ts;
    state.messages.retain(|message| !is_it(message));
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn post_ephemeral(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let channel = destination(state, args.required("channel")?)?;
    let user = args.required("user")?.to_owned();
    let present = match state.workspace.channels.get(&channel) {
        Some(channel) => channel.members.contains(&user),
        None => state.dm_owner(&channel) == Some(&user),
    };
    if !present {
        return Err(ApiError::named("user_not_in_channel"));
    }
    let mut draft = content(args, MOST_POSTED)?;
    draft.thread_ts = args.text("thread_ts").map(str::to_owned);
    draft.ephemeral_to = Some(user);
    let ts = state.next_ts(now);
    let message = state.bot_message(&channel, draft, ts);
    Ok(json!({"message_ts": message.ts}))
}

pub(super) fn get_permalink(state: &mut State, args: &Args) -> Answer {
    let channel = args.required("channel")?.to_owned();
    let ts = args.required("message_ts")?.to_owned();
    of_messages(state, &channel)?;
    if state.message_mut(&channel, &ts).is_none() {
        return Err(ApiError::named("message_not_found"));
    }
    let domain = &state.workspace.domain;
    let compact = ts.replace('.', "");
    Ok(json!({
        "channel": channel,
        "permalink": format!("https://{domain}.slack.com/archives/{channel}/p{compact}"),
    }))
}

/// Whether the id is that of a channel with messages that the bot may touch: a person's id is not.
fn of_messages(state: &State, channel: &str) -> Result<(), ApiError> {
    match state.dm_owner(channel) {
        Some(_) => Ok(()),
        None => writable(state, channel),
    }
}

/// The channel to write to, by id or by name; a person's id opens their direct message.
fn destination(state: &mut State, channel: &str) -> Result<String, ApiError> {
    let mut channels = state.workspace.channels.values();
    let name = channel.strip_prefix('#').unwrap_or(channel);
    if let Some(named) = channels.find(|one| one.name == name) {
        let id = named.id.clone();
        writable(state, &id)?;
        return Ok(id);
    }
    if state.workspace.channels.contains_key(channel) {
        writable(state, channel)?;
        return Ok(channel.to_owned());
    }
    if state.dm_owner(channel).is_some() {
        return Ok(channel.to_owned());
    }
    match state.person(channel) {
        Some(person) if person.id == state.workspace.bot_user_id => {
            Err(ApiError::named("cannot_dm_bot"))
        }
        Some(person) if person.kind == Kind::Bot => Err(ApiError::named("cannot_dm_bot")),
        Some(person) if person.kind != Kind::Deactivated => Ok(state.open_dm(channel)),
        _ => Err(ApiError::named("channel_not_found")),
    }
}

/// Whether the bot may write in a channel that exists.
fn writable(state: &State, id: &str) -> Result<(), ApiError> {
    let Some(channel) = state.workspace.channels.get(id) else {
        return Err(ApiError::named("channel_not_found"));
    };
    let may_speak = channel.bot_is_member || state.has_been_given("chat:write.public");
    let error = match channel {
        _ if channel.is_private && !channel.bot_is_member => "channel_not_found",
        _ if !may_speak => "not_in_channel",
        _ if channel.is_archived => "is_archived",
        _ => return Ok(()),
    };
    Err(ApiError::named(error))
}

/// Text, blocks and metadata within their limits.
pub(super) fn content(args: &Args, most: usize) -> Result<Draft, ApiError> {
    let blocks = match args.json("blocks") {
        Value::Null => json!([]),
        blocks => blocks,
    };
    super::blocks::check(&blocks)?;
    let attachments = args.json("attachments");
    if blocks::list(&attachments).len() > MOST_ATTACHMENTS {
        return Err(ApiError::named("too_many_attachments"));
    }
    let text = args.text("text").unwrap_or_default();
    let says_more = [&blocks, &attachments]
        .into_iter()
        .any(|one| !blocks::list(one).is_empty());
    if text.is_empty() && !says_more {
        return Err(ApiError::named("no_text"));
    }
    if text.chars().count() > most {
        return Err(ApiError::named("msg_too_long"));
    }
    let metadata = args.json("metadata");
    let well_formed = metadata["event_type"].is_string() && metadata["event_payload"].is_object();
    let is_nothing = metadata.is_null() || metadata == json!({});
    if !is_nothing && !well_formed {
        return Err(ApiError::named("invalid_metadata_format"));
    }
    if metadata.to_string().len() > MOST_METADATA {
        return Err(ApiError::named("metadata_too_large"));
    }
    Ok(Draft {
        text: text.to_owned(),
        blocks,
        metadata: if well_formed { metadata } else { Value::Null },
        ..Draft::default()
    })
}
