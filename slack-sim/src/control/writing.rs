//! Writing: slash commands and messages.

use axum::Json;
use serde::Deserialize;

use super::{
    forms::{Done, outcome},
    keyboard::Keyboard,
    refused::{Body, Refused},
};
use crate::{
    entities, mentions,
    wire::{Outcome, Written},
    workspace::Person,
};

/// Characters that a person may write at once.
const MOST_WRITTEN: usize = 12_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    channel: String,
    text: String,
}

pub(super) async fn command(keyboard: Keyboard, Body(typed): Body<Command>) -> Done {
    may_write(&keyboard, &typed.channel, &typed.text)?;
    let line = typed.text.trim();
    let (command, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if !command.starts_with('/') {
        let message = "a command starts with a slash, such as /jit";
        return Err(Refused::senseless("not_a_command", message));
    }
    let (is_stranger, is_known) = keyboard.inner().read(|state| {
        let person = state.person(keyboard.id());
        let is_stranger = person.is_some_and(Person::is_stranger);
        (is_stranger, state.workspace.has_command(command))
    });
    if is_stranger {
        return Err(Refused::impossible(
            "no_commands_for_strangers",
            "Slack lets nobody from another workspace send this app's commands",
        ));
    }
    if !is_known {
        keyboard.inner().change(|state, now| {
            state.slackbot(keyboard.id(), &typed.channel, no_such(command), now);
        });
        return Ok(Json(Outcome {
            ok: false,
            status: 0,
            error: Some("unknown_command".to_owned()),
        }));
    }
    let actor = &keyboard.0;
    let sent = actor.try_command(&typed.channel, command, text.trim());
    outcome(Some(&sent.await?))
}

/// What Slackbot says of a command that no app has.
fn no_such(command: &str) -> String {
    let command = entities::escape_plain(command);
    format!(
        "`{command}` is not a valid command. In Slack, all messages that start with the “/” \
         character are interpreted as commands.\n\nIf you are trying to send a message and not run \
         a command, try preceding the “/” with an empty space."
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    channel: String,
    text: String,
    thread_ts: Option<String>,
}

pub(super) async fn message(
    keyboard: Keyboard,
    Body(typed): Body<Message>,
) -> Result<Json<Written>, Refused> {
    may_write(&keyboard, &typed.channel, &typed.text)?;
    if let Some(ts) = &typed.thread_ts {
        keyboard.message(&typed.channel, ts)?;
    }
    // What people type is text: only names that are known become markup, as in Slack's composer.
    let text = keyboard.inner().read(|state| {
        let text = entities::escape_plain(&typed.text);
        mentions::escape(&state.workspace, &text)
    });
    let thread = typed.thread_ts.as_deref();
    let message = keyboard.0.say_in(&typed.channel, thread, &text);
    let ts = message.ts.clone();
    let sim = keyboard.0.sim.clone();
    // Nobody waits in Slack until an app has read what they wrote.
    tokio::spawn(async move { sim.send_message(&message).await });
    Ok(Json(Written { ts }))
}

/// Whether they may write this there.
fn may_write(keyboard: &Keyboard, channel: &str, text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() {
        return Err(Refused::senseless("no_text", "there is nothing written"));
    }
    if text.chars().count() > MOST_WRITTEN {
        let message = format!("one writes at most {MOST_WRITTEN} characters at once");
        return Err(Refused::senseless("msg_too_long", message));
    }
    keyboard.inner().read(|state| {
        let known = state.workspace.channels.get(channel);
        let is_there = match known {
            Some(known) => known.members.iter().any(|member| member == keyboard.id()),
            None => state.dm_owner(channel) == Some(keyboard.id()),
        };
        if !is_there {
            return Err(Refused::not_there(format!("they are in no {channel}")));
        }
        if known.is_some_and(|known| known.is_archived) {
            return Err(Refused::impossible(
                "is_archived",
                "the channel is archived",
            ));
        }
        if known.is_none() && !state.workspace.takes_messages() {
            let message = "the app's manifest lets nobody write to it";
            return Err(Refused::impossible("messages_tab_disabled", message));
        }
        Ok(())
    })
}
