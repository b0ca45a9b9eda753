//! `chat.*`: what the app's bot says, changes and shows to one person.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Answer, ApiError, Args};
use crate::{
    blocks,
    limits::{Surface, check_blocks},
    state::{Draft, State},
    workspace::Kind,
};

/// Characters that a new message may have; longer ones are refused here, not cut.
pub(super) const MOST_POSTED: usize = 40_000;
/// Characters that an updated message may have.
const MOST_UPDATED: usize = 4_000;

pub(super) fn post_message(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let channel = destination(state, args.required("channel")?)?;
    let mut draft = content(args, MOST_POSTED)?;
    if let Some(thread_ts) = args.text("thread_ts") {
        if state.message_mut(&channel, thread_ts).is_none() {
            return Err(ApiError::named("thread_not_found"));
        }
        draft.thread_ts = Some(thread_ts.to_owned());
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
    let known = state.workspace.channels.contains_key(&channel);
    if !known && state.dm_owner(&channel).is_none() {
        return Err(ApiError::named("channel_not_found"));
    }
    if known {
        writable(state, &channel)?;
    }
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
    message.text = draft.text;
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

/// The channel to write to; a person's id opens their direct message.
fn destination(state: &mut State, channel: &str) -> Result<String, ApiError> {
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
    match (channel.bot_is_member, channel.is_private) {
        (false, true) => Err(ApiError::named("channel_not_found")),
        (false, false) => Err(ApiError::named("not_in_channel")),
        (true, _) if channel.is_archived => Err(ApiError::named("is_archived")),
        (true, _) => Ok(()),
    }
}

/// Text, blocks and metadata within their limits.
pub(super) fn content(args: &Args, most: usize) -> Result<Draft, ApiError> {
    let blocks = match args.json("blocks") {
        Value::Null => json!([]),
        blocks => blocks,
    };
    let wrong = check_blocks(&blocks, Surface::Message);
    if !wrong.is_empty() {
        return Err(ApiError::with("invalid_blocks", wrong));
    }
    let text = args.text("text").unwrap_or_default();
    if text.is_empty() && blocks::list(&blocks).is_empty() && !args.has("attachments") {
        return Err(ApiError::named("no_text"));
    }
    if text.chars().count() > most {
        return Err(ApiError::named("msg_too_long"));
    }
    let metadata = args.json("metadata");
    let well_formed = metadata["event_type"].is_string() && metadata["event_payload"].is_object();
    if !metadata.is_null() && !well_formed {
        return Err(ApiError::named("invalid_metadata_format"));
    }
    Ok(Draft {
        text: text.to_owned(),
        blocks,
        metadata,
        ..Draft::default()
    })
}
