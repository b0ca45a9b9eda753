//! The control API from another process: a [`Sim`](crate::Sim) over HTTP, for tests of a program
//! that is not linked with this crate, or of one that runs beside `slack-sim`.
//!
//! It owns no state: what somebody sees is read anew each time, as the same [`Message`] and
//! [`View`](crate::View) that are read in process. It cannot forge: for that, start a `Sim`. Every
//! call has a time-out, and refuses rather than panics.
//!
//! ```no_run
//! # async fn example() -> Result<(), slack_sim::client::ClientError> {
//! let slack = slack_sim::Client::new("http://127.0.0.1:4040");
//! let alice = slack.person("U0ALICE");
//! alice.command("C0DBA", "/jit request db-prod:write 30m").await?;
//! let bob = slack.person("U0BOB");
//! let card = bob.wait_until(|sees| sees.saying("asks for").cloned()).await?;
//! bob.click(&card, "approve").await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Message`]: crate::Message

mod person;
mod remote;
mod sight;

pub use crate::wire::{
    AppFacts, CallMade, ChannelFacts, CommandFacts, DeliveryMade, Directory, Fate, GroupFacts,
    KindName, Outcome, PageFacts, PersonFacts, Submitted, Team, Transport,
};
pub use person::{RemoteActor, Surface};
pub use remote::{Client, ClientError};
pub use sight::Sight;
