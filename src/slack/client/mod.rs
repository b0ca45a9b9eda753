//! What we say to Slack: the Web API methods that Keylend uses, and nothing else.
//!
//! Every call has a time limit, honours `Retry-After` for its method, and fails with a
//! [`SlackError`] that says whether trying again makes sense and never contains the token.
//! Nothing is retried here: whoever calls knows what the call is worth.
//!
//! Connections, and the models of requests, blocks and answers, are slack-morphism's. Its sessions'
//! methods are not used: they take no other transport than HTTP, and say of an error all that Slack
//! answered. These models are ours:
//!
//! | what | what slack-morphism's loses |
//! |---|---|
//! | answers to posts and views | demands the whole message or view: a block that it does not know makes what was posted look unposted |
//! | `views.*` | nothing: views are still JSON, see [`modal`](super::view::modal) |
//! | a `response_url`'s message | `response_type` or `replace_original` |
//! | `auth.test` | `enterprise_id`, `is_enterprise_install` |
//! | `auth.teams.list` | has no model |
//! | `users.info` | `is_email_confirmed` |
//! | `conversations.info` | `is_ext_shared` |
//!
//! A post or an update goes to no channel that people of another company read, unless the configuration
//! names it.

mod call;
mod channel;
mod error;
mod groups;
mod identity;
mod methods;
mod shared;
mod wire;

pub use channel::{ChannelInfo, ChannelTrouble};
pub use error::SlackError;
pub use identity::{Identity, SCOPES};
pub use methods::{Client, Message, OpenedView, Posted};
pub use wire::{NoRootCertificates, Wire};
