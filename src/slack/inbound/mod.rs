//! What Slack sends, as far as we read it.
//!
//! The types are lenient on purpose, and ours. slack-morphism 2.31 refuses 21 of the 62 recorded
//! payloads that `tests/slack/payloads` reads here, and keeps too little of the others:
//!
//! | what | what slack-morphism's model loses |
//! |---|---|
//! | commands | `api_app_id`, `enterprise_id`, `is_enterprise_install`: which app and organisation it is for |
//! | clicks and searches | `enterprise`, `is_enterprise_install`; refuses a click without `team` or `trigger_id` |
//! | submissions | `api_app_id` and `view.app_installed_team_id`, which alone are ours when a stranger submits; refuses `team: null` of an organisation-wide install |
//! | events | user groups and profiles are not modelled; refuses one without `team_id` or `event_id` |
//!
//! Here a field that is absent, null or blank is one thing, `None`;
//! fields that nobody reads are not parsed; a kind that nobody handles is [`InteractionPayload::Ignored`]
//! or [`Event::Ignored`]. An absent field never counts as a "no": see [`caller`](super::caller).

mod command;
mod event;
mod interaction;
mod lenient;
mod sender;
mod shortcut;

pub use command::SlashCommand;
pub use event::Event;
pub use interaction::{
    BlockActions, BlockSuggestion, Click, Field, InteractionPayload, View, ViewSubmission,
};
pub use sender::Sender;
pub use shortcut::{Shortcut, ShortcutMessage};
