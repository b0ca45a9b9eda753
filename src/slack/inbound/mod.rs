//! What Slack sends, as far as we read it.
//!
//! The types are lenient on purpose, and ours: slack-morphism's refuse what Slack really sends (a
//! null `team` in an organisation-wide install, an interaction of a kind they do not know), and its
//! command lacks the enterprise. Here a field that is absent, null or blank is one thing, `None`;
//! fields that nobody reads are not parsed; a kind that nobody handles is [`InteractionPayload::Ignored`]
//! or [`Event::Ignored`]. An absent field never counts as a "no": see [`caller`](super::caller).

mod command;
mod event;
mod interaction;
mod lenient;
mod sender;

pub use command::SlashCommand;
pub use event::Event;
pub use interaction::{
    BlockActions, BlockSuggestion, Click, Field, InteractionPayload, View, ViewSubmission,
};
pub use sender::Sender;
