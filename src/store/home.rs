//! App Homes, as the store keeps them: one for everybody who has ever opened theirs.

use std::collections::BTreeSet;

use crate::domain::{RequestId, Time, UserId};

/// One person's App Home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Whose.
    pub person: UserId,
    /// What Slack shows: a digest of the view as sent; nothing where that is not known.
    pub shown: Option<String>,
    /// Moves whenever what it shows may have changed.
    pub touched: u64,
    /// How often in a row it could not be made whole.
    pub failures: u32,
}

/// What a Home shows from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The digest of the view.
    pub shown: String,
    /// What it asks its person to decide.
    pub asks: BTreeSet<RequestId>,
    /// The log's head before the view was made.
    pub seen: u64,
    /// When to look again although nothing has changed: something could not be known.
    pub again: Option<Time>,
}

/// Whose Homes may show something old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// These people's, as far as they have one.
    Of(BTreeSet<UserId>),
    /// This person's, if it shows this.
    Showing {
        /// Whose.
        person: UserId,
        /// The digest of a view.
        shown: String,
    },
    /// Everybody's whose Home asks them to decide something.
    Asked,
}
