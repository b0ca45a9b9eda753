//! What we say to Slack: the Web API methods that Keylend uses, and nothing else.
//!
//! Every call has a time limit, honours `Retry-After` for its method, and fails with a
//! [`SlackError`] that says whether trying again makes sense and never contains the token.
//! Nothing is retried here: whoever calls knows what the call is worth.
//! The requests are types of ours, because slack-morphism's own have no `link_names: false`, and
//! its block models refuse what they do not know.

mod call;
mod channel;
mod error;
mod groups;
mod identity;
mod methods;
mod wire;

pub use channel::{ChannelInfo, ChannelTrouble};
pub use error::SlackError;
pub use identity::Identity;
pub use methods::{Client, Message, OpenedView, Posted};
pub use wire::{NoRootCertificates, Wire};
