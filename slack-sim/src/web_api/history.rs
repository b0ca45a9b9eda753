//! `conversations.history` and `conversations.replies`: what was said, as an app may read it.

use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
    paging,
};
use crate::{message::Message, state::State};

/// Messages of a page whose limit is not given.
const USUAL: usize = 100;

/// The messages of a channel, the latest first, without the answers in threads.
pub(super) fn history(state: &State, args: &Args) -> Answer {
    let channel = args.required("channel")?;
    readable(state, channel)?;
    let within = |message: &&Message| {
        let inclusive = args.flag("inclusive");
        let after =
            |oldest: &str| message.ts.as_str() > oldest || (inclusive && message.ts == oldest);
        let before =
            |latest: &str| message.ts.as_str() < latest || (inclusive && message.ts == latest);
        args.text("oldest").is_none_or(after) && args.text("latest").is_none_or(before)
    };
    let said = state.messages.iter().rev();
    let said = said.filter(|message| message.channel == channel && message.ephemeral_to.is_none());
    let said = said.filter(|message| message.thread_ts.is_none() || message.is_broadcast);
    let said: Vec<Value> = said
        .filter(within)
        .map(|one| described(state, one))
        .collect();
    let (messages, next) = paging::page(said, args, USUAL)?;
    Ok(json!({
        "messages": messages,
        "has_more": !next.is_empty(),
        "pin_count": 0,
        "response_metadata": paging::metadata(&next),
    }))
}

/// A message and the answers in its thread, the earliest first.
pub(super) fn replies(state: &State, args: &Args) -> Answer {
    let channel = args.required("channel")?;
    let ts = args.required("ts")?;
    readable(state, channel)?;
    let said = state.messages.iter().filter(|message| {
        let in_thread = message.ts == ts || message.thread_ts.as_deref() == Some(ts);
        in_thread && message.channel == channel && message.ephemeral_to.is_none()
    });
    let said: Vec<Value> = said.map(|one| described(state, one)).collect();
    if said.is_empty() {
        return Err(ApiError::named("thread_not_found"));
    }
    let (messages, next) = paging::page(said, args, USUAL)?;
    Ok(json!({
        "messages": messages,
        "has_more": !next.is_empty(),
        "response_metadata": paging::metadata(&next),
    }))
}

/// The message object; one that was answered says how often.
fn described(state: &State, message: &Message) -> Value {
    let mut out = state.message_json(message);
    let answers = state.messages.iter().filter(|other| {
        other.channel == message.channel && other.thread_ts.as_ref() == Some(&message.ts)
    });
    let answers: Vec<&Message> = answers.filter(|one| one.ephemeral_to.is_none()).collect();
    if let Some(latest) = answers.last() {
        out["thread_ts"] = json!(message.ts);
        out["reply_count"] = json!(answers.len());
        out["latest_reply"] = json!(latest.ts);
    }
    out
}

/// Whether the bot may read there: only where it is.
fn readable(state: &State, id: &str) -> Result<(), ApiError> {
    if state.dm_owner(id).is_some() {
        return Ok(());
    }
    match state.workspace.channels.get(id) {
        Some(channel) if channel.bot_is_member => Ok(()),
        Some(channel) if !channel.is_private => Err(ApiError::named("not_in_channel")),
        _ => Err(ApiError::named("channel_not_found")),
    }
}
