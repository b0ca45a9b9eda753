//! What travels over the control API: the same types for its server and its client, so that the two
//! cannot drift apart. The page reads the same JSON, and `tests/program/control` holds it to its names.
//!
//! Times are seconds since the epoch by the simulator's clock.

mod breaking;
mod directory;
mod outcome;
mod records;
mod sight;
mod time;

pub(crate) use breaking::Break;
pub use directory::{
    AppFacts, ChannelFacts, CommandFacts, Directory, GroupFacts, KindName, PageFacts, PersonFacts,
    Team, Transport,
};
pub use outcome::{Fate, Outcome, Submitted};
pub(crate) use outcome::{Refusal, Written};
pub use records::{CallMade, DeliveryMade};
pub(crate) use records::{Calls, Deliveries};
pub(crate) use sight::{Author, SeenMessage, Sees};
pub(crate) use time::{Advance, Now, Span, Version, seconds};
