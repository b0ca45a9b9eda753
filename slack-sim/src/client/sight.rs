//! What one person sees, read over the control API.

use chrono::{DateTime, Utc};

use super::remote::moment;
use crate::{message::Message, view::View, wire::Sees};

/// What one person saw at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// Grows with every change of the workspace.
    pub version: u64,
    /// When, by the simulator's clock.
    pub now: DateTime<Utc>,
    /// The channel of their conversation with the app.
    pub dm: String,
    /// Every message they see, in order, those of threads and their own ephemeral ones included.
    pub messages: Vec<Message>,
    /// Their modals, the one on top last.
    pub modals: Vec<View>,
    /// Their App Home.
    pub home: Option<View>,
}

impl Sight {
    /// The messages in one channel.
    pub fn in_channel(&self, channel: &str) -> Vec<&Message> {
        let messages = self.messages.iter();
        messages.filter(|one| one.channel == channel).collect()
    }

    /// The newest message that says `needle`.
    pub fn saying(&self, needle: &str) -> Option<&Message> {
        let mut newest_first = self.messages.iter().rev();
        newest_first.find(|message| message.says(needle))
    }

    /// The modal on top.
    pub fn modal(&self) -> Option<&View> {
        self.modals.last()
    }

    /// Everything in it, for people.
    pub(super) fn describe(&self) -> String {
        let messages = self.messages.iter();
        let mut lines: Vec<String> = messages
            .map(|one| {
                format!(
                    "  {} {}",
                    one.channel,
                    one.all_text().replace('\n', "\n    ")
                )
            })
            .collect();
        let modals = self.modals.iter();
        lines.extend(modals.map(|view| format!("  modal {:?}", view.title())));
        let homes = self.home.iter();
        lines.extend(
            homes.map(|view| format!("  home {}", view.all_text().replace('\n', "\n    "))),
        );
        match lines.is_empty() {
            true => "  (nothing)".to_owned(),
            false => lines.join("\n"),
        }
    }

    pub(super) fn new(person: &str, sees: Sees) -> Self {
        let view = |json| View { json };
        let messages = sees.messages.into_iter().map(|seen| Message {
            channel: seen.channel,
            ts: seen.ts,
            thread_ts: seen.thread_ts,
            is_broadcast: seen.is_broadcast,
            user: seen.user,
            bot_id: seen.bot_id,
            text: seen.text,
            blocks: seen.blocks,
            edited: seen.edited,
            ephemeral_to: seen.ephemeral.then(|| person.to_owned()),
            ..Message::default()
        });
        Self {
            version: sees.version,
            now: moment(sees.now),
            dm: sees.dm,
            messages: messages.collect(),
            modals: sees.modals.into_iter().map(view).collect(),
            home: sees.home.map(view),
        }
    }
}
