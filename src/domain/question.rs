//! Questions that approvers ask the requester before they decide. They decide nothing, and no approval depends
//! on them.

use serde::{Deserialize, Serialize};

use super::UserId;

/// A question about a request, or about more time, from when it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who asked.
    pub by: UserId,
    /// What they asked, in their words.
    pub text: String,
    /// The revision of the request that it is about.
    pub revision: u32,
    /// Whether it is about more time.
    pub for_extension: bool,
    /// Whether the requester answered it.
    pub is_answered: bool,
}

impl Question {
    /// How many questions can be asked about one request, with all of its extensions: behind each is a direct
    /// message to the requester.
    pub const MOST: usize = 10;

    /// How many questions about one request can wait for an answer at once.
    pub const MOST_OPEN: usize = 5;

    /// The longest question, and the longest answer, in characters.
    pub const LONGEST: usize = 1_000;
}
