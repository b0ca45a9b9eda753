//! Alerts as the audit channel reads them.

use std::{collections::BTreeMap, fmt};

use super::text;
use crate::{
    domain::ChannelId,
    slack::client::{ChannelTrouble, SlackError},
};

/// How many alerts one message lists.
const LISTED: usize = 12;

/// How much of an alert's text a line takes where a message lists many of them.
const WORDS: usize = 200;

/// How much it takes where there are few, so that it says what to do.
const MOST_WORDS: usize = 700;

/// What has changed between two sets of alerts, each a name and its text: a line for each that was
/// raised or has cleared. Nothing if none was; a text that changed is not told again.
pub fn news(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Option<String> {
    let raised: Vec<_> = now
        .iter()
        .filter(|(name, _)| !before.contains_key(*name))
        .collect();
    let length = (LISTED * WORDS / raised.len().max(1)).clamp(WORDS, MOST_WORDS);
    let raised = raised.into_iter().map(|(name, words)| {
        let words = text::escape(words, length);
        format!(":rotating_light: *Alert* {}: {words}", text::code(name))
    });
    let cleared = before
        .keys()
        .filter(|name| !now.contains_key(*name))
        .map(|name| format!(":white_check_mark: *Cleared* {}", text::code(name)));
    let mut lines: Vec<String> = raised.chain(cleared).collect();
    let more = lines.len().saturating_sub(LISTED);
    if more > 0 {
        lines.truncate(LISTED);
        lines.push(format!("and {more} more; `/readyz` lists what is raised"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The name of the alert of a channel that takes no messages.
pub fn channel_name(channel: &ChannelId) -> String {
    format!("channel_unavailable:{channel}")
}

/// What is wrong with a channel, and what to do about it.
pub fn channel_text(
    channel: &ChannelId,
    name: Option<&str>,
    why: ChannelTrouble,
    error: &SlackError,
) -> String {
    let name = name.map_or_else(
        || channel.to_string(),
        |name| format!("#{name} ({channel})"),
    );
    let why = match why {
        ChannelTrouble::Archived => "the channel is archived. Unarchive it".to_owned(),
        ChannelTrouble::NotAMember => "Keylend is not a member. Invite it".to_owned(),
        ChannelTrouble::Unknown => {
            "the channel does not exist, or it is private and Keylend is not a member. Check the \
             channel id, or invite Keylend"
                .to_owned()
        }
        ChannelTrouble::Shared => {
            "it is shared with another company. Stop sharing it, or configure another channel"
                .to_owned()
        }
        ChannelTrouble::Refused => error.to_string(),
    };
    format!(
        "Keylend can't post in {name}: {why}. It keeps retrying, and messages for that channel wait."
    )
}

/// The name of the alert of a message that was given up in a channel, or in a direct message.
pub fn dropped_name(place: &str) -> String {
    format!("message_dropped:{place}")
}

/// That a message was given up, and why.
pub fn dropped_text(place: &str, why: &dyn fmt::Display) -> String {
    let place = match place {
        "dm" => "a direct message",
        channel => channel,
    };
    format!(
        "Slack rejected a message for {place}: {why}. Keylend does not retry it. This alert clears \
         after 1 hour."
    )
}

/// The name of the alert of what Slack refuses the app: Slack's code, or the scope that is missing.
pub fn refused_name(error: &SlackError) -> String {
    match error {
        SlackError::Refused(code) => format!("slack_refuses:{code}"),
        SlackError::MissingScope(scope) => scope_name(scope),
        _ => "slack_refuses".to_owned(),
    }
}

/// That Slack refuses the app something, and who can do something about it.
pub fn refused_text(error: &SlackError) -> String {
    match error {
        SlackError::MissingScope(scope) => scope_text(scope),
        SlackError::Refused(code) if error.is_of_the_token() => format!(
            "Slack no longer accepts the bot token ({code}). Install the Keylend app again, put its \
             bot token where slack.bot_token points, and restart Keylend. Messages wait."
        ),
        _ => format!(
            "Messages are waiting: {error}. Ask a Slack workspace administrator to check the Keylend \
             app and its token."
        ),
    }
}

/// The name of the alert of a scope that the app lacks.
pub fn scope_name(scope: &str) -> String {
    format!("slack_scope_missing:{scope}")
}

/// That the app lacks a scope, and what to do about it.
pub fn scope_text(scope: &str) -> String {
    format!(
        "The Slack app lacks the scope {scope}. Add it under OAuth & Permissions in the app's \
         settings, and reinstall the app to the workspace."
    )
}

/// The name of the alert that Slack does not answer.
pub const UNAVAILABLE: &str = "slack_unavailable";

/// That Slack does not answer, and what that means.
pub fn unavailable_text(error: &SlackError) -> String {
    format!(
        "Slack doesn't answer ({error}). Messages wait, and nobody can request or approve. Access \
         still ends on time. See slack-status.com."
    )
}
