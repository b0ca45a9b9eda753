//! What people see follows the log: which messages show a request, whose Home there is, and which of
//! them may show something old.
//!
//! [`Follower`] goes through the log behind a durable cursor. In one transaction with its cursor it
//! writes which messages an entry calls for and touches whatever may show something old by it. Cards
//! and Homes are level-triggered: a surface takes what is due, makes it show what is, and notes that,
//! unless it was touched meanwhile. So the follower may lag without anything false coming to rest:
//! what was shown before the follower came to an entry is touched when it does, and a digest keeps
//! what is true already from being sent again. The feeds that tell the log's entries as lines stay behind
//! the follower, since lines belong under a card; what a channel or a person is still to be told is their
//! [`Backlog`].
//!
//! One replica at a time follows and shows: the one that has the surface's claim. Slack is the only
//! surface. Another chat would run a follower of its own, with a cursor and collections that carry
//! its name; nothing but `slack` says how messages look and get to where they belong.

mod backlog;
mod card;
mod follow;
mod home;
mod retry;
mod weekly;

pub use backlog::{Backlog, BacklogRecords};
pub use card::{Card, CardRecords, Place};
pub use follow::{Follower, REBUILT};
pub use home::{Home, HomeRecords, Published};
pub(crate) use retry::{Retry, within_grace};
pub use weekly::DigestRecord;

use crate::store::{CommitError, StoreError};

/// The follower's cursor.
pub const CURSOR: &str = "presentation";

/// What a write's conflict is to those who write again with what is there now.
fn written(done: Result<(), CommitError>) -> Result<Written, StoreError> {
    match done {
        Ok(()) => Ok(Written::Done),
        Err(CommitError::Conflict | CommitError::AlreadyDone) => Ok(Written::Overtaken),
        Err(CommitError::Unavailable(error)) => Err(error),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Done,
    /// Somebody else was faster.
    Overtaken,
}

fn gone(doing: &'static str) -> StoreError {
    StoreError {
        doing,
        source: "there is no such document".into(),
    }
}
