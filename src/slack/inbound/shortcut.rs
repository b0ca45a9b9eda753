//! Shortcuts, <https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload>.

use serde::Deserialize;

use super::{
    lenient::{filled, or_empty},
    sender::Sender,
};
use crate::domain::ChannelId;

/// A shortcut that somebody chose: in Slack's menus, or in those of a message.
#[derive(Debug, Clone)]
pub struct Shortcut {
    /// What it shows of who sent it.
    pub sender: Sender,
    /// Which shortcut.
    pub callback_id: String,
    /// The message that it was chosen for; nothing for a global one.
    pub message: Option<ShortcutMessage>,
    /// Where a private answer goes; a global one has none.
    pub response_url: Option<String>,
    /// What opens a modal: once, within 3 seconds.
    pub trigger_id: Option<String>,
}

/// Which message a shortcut was chosen for. What the message says is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortcutMessage {
    /// Its channel.
    pub channel: ChannelId,
    /// The channel's name, as Slack tells it with a command.
    pub channel_name: Option<String>,
    /// Its name in the channel.
    pub ts: String,
    /// The message that its thread begins with, if it is in one.
    pub thread_ts: Option<String>,
    /// The workspace's part of the address; nothing where the app is installed for an organisation.
    pub domain: Option<String>,
}

/// What a shortcut has beside what every interaction has.
#[derive(Deserialize)]
pub(super) struct Raw {
    #[serde(default, deserialize_with = "or_empty")]
    callback_id: String,
    #[serde(default)]
    team: Option<Team>,
    #[serde(default)]
    channel: Option<Channel>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default, deserialize_with = "filled")]
    message_ts: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    response_url: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    trigger_id: Option<String>,
}

#[derive(Deserialize)]
struct Team {
    #[serde(default, deserialize_with = "filled")]
    domain: Option<String>,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default, deserialize_with = "filled")]
    id: Option<ChannelId>,
    #[serde(default, deserialize_with = "filled")]
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default, deserialize_with = "filled")]
    ts: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    thread_ts: Option<String>,
}

impl Raw {
    pub(super) fn sent_by(self, sender: Sender) -> Shortcut {
        let message = self.message.unwrap_or_default();
        let ts = message.ts.or(self.message_ts);
        let channel = self.channel.and_then(|it| Some((it.id?, it.name)));
        let domain = self.team.and_then(|team| team.domain);
        let thread_ts = message.thread_ts;
        Shortcut {
            sender,
            callback_id: self.callback_id,
            message: ts.zip(channel).map(|(ts, (channel, channel_name))| {
                let thread_ts = thread_ts.filter(|first| *first != ts);
                ShortcutMessage {
                    channel,
                    channel_name,
                    ts,
                    thread_ts,
                    domain,
                }
            }),
            response_url: self.response_url,
            trigger_id: self.trigger_id,
        }
    }
}

impl ShortcutMessage {
    /// The message's address, made as Slack makes it; nothing if it is not known where the workspace is.
    /// Slack itself gives the address only of messages in channels that the app is in.
    pub fn link(&self) -> Option<String> {
        let is_name = |text: &str| {
            let mut bytes = text.bytes();
            !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_ts = |text: &str| {
            let mut bytes = text.bytes();
            !text.is_empty() && bytes.all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let domain = self.domain.as_deref().filter(|domain| is_name(domain))?;
        let channel = Some(self.channel.as_str()).filter(|channel| is_name(channel))?;
        let ts = Some(self.ts.as_str())
            .filter(|ts| is_ts(ts))?
            .replace('.', "");
        let thread = self.thread_ts.as_deref().filter(|first| is_ts(first));
        let thread = thread.map(|first| format!("?thread_ts={first}&cid={channel}"));
        Some(format!(
            "https://{domain}.slack.com/archives/{channel}/p{ts}{}",
            thread.unwrap_or_default()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> ShortcutMessage {
        ShortcutMessage {
            channel: ChannelId::new("C0GENERAL"),
            channel_name: Some("general".to_owned()),
            ts: "1583636382.000300".to_owned(),
            thread_ts: None,
            domain: Some("example-corp".to_owned()),
        }
    }

    #[test]
    fn a_message_has_the_address_that_slack_gives_it() {
        let link = "https://example-corp.slack.com/archives/C0GENERAL/p1583636382000300";
        assert_eq!(message().link().as_deref(), Some(link));
        let reply = ShortcutMessage {
            thread_ts: Some("1583636380.000100".to_owned()),
            ..message()
        };
        let link = format!("{link}?thread_ts=1583636380.000100&cid=C0GENERAL");
        assert_eq!(reply.link(), Some(link));
    }

    #[test]
    fn what_is_no_part_of_an_address_makes_none() {
        for domain in [None, Some(""), Some("evil.example/"), Some("a b")] {
            let odd = ShortcutMessage {
                domain: domain.map(str::to_owned),
                ..message()
            };
            assert_eq!(odd.link(), None, "{domain:?}");
        }
        for ts in ["", "1583636382.000300/../x", "now"] {
            let odd = ShortcutMessage {
                ts: ts.to_owned(),
                ..message()
            };
            assert_eq!(odd.link(), None, "{ts}");
        }
    }
}
