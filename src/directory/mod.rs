//! Who somebody is, and which groups they are in.
//!
//! A decision rests on facts no older than [`FRESH`]; older ones are fetched again, and when that
//! fails there are no facts, so the answer is no. Events from Slack make facts old at once.

mod cached;
mod feed;
mod identity;
mod schedule;

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use chrono_tz::Tz;

pub use cached::{Directory, GroupReading, GroupSource};
pub use feed::Feed;
pub use identity::{Identities, PersonEntry};
pub use schedule::{NoSchedules, PagerDuty, Schedule, Schedules, calendar_address};

use crate::domain::{Email, Standing, UserId};

/// The age up to which facts may be decided on.
pub const FRESH: Duration = Duration::from_secs(60);

/// The age up to which facts tell who is worth asking about; nothing is decided on them.
pub const RECENT: Duration = Duration::from_secs(600);

/// A person's profile, as a source returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The person's Slack id.
    pub id: UserId,
    /// The display name. Hostile text until it is escaped.
    pub name: String,
    /// The person's role in this workspace, such as member or guest.
    pub standing: Standing,
    /// The email address, whether or not it counts.
    pub email: Option<Email>,
    /// Whether the address is confirmed to be theirs.
    pub confirmed: Confirmed,
    /// The time zone that they set, if the source said one that is known.
    pub time_zone: Option<Tz>,
}

/// What a source says of whether a person's address is theirs. Slack's documented user object has
/// no such field, and its answers sometimes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It is.
    Yes,
    /// It is not, or not yet.
    No,
    /// Nothing was said.
    Unsaid,
}

/// Facts could not be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FactsUnavailable(pub String);

/// Where people and live groups come from: Slack.
#[async_trait]
pub trait PeopleSource: Send + Sync + 'static {
    /// One person; nothing if there is none of this id.
    ///
    /// # Errors
    ///
    /// If the source does not answer in time, or not well.
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable>;

    /// The members of a user group.
    ///
    /// # Errors
    ///
    /// If the source does not answer in time, or not well, or has no such group.
    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable>;

    /// The person with this address; nothing if there is none. Default: it cannot be known.
    ///
    /// # Errors
    ///
    /// If the source does not answer in time, or not well.
    async fn by_address(&self, _: &Email) -> Result<Option<Profile>, FactsUnavailable> {
        Err(FactsUnavailable(
            "people cannot be found by their addresses".to_owned(),
        ))
    }
}
