//! Reviews: a grant that somebody took by break-glass stays open for review until two other people have
//! signed off, whether or not the access has ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ChannelId, GroupName, Human, Span, Time, UserId};

/// How often the reviewers are reminded.
const EVERY: Span = Span::minutes(7 * 24 * 60);

/// Who reviews what is granted by break-glass, and what an open review keeps from its requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// The groups whose members sign off.
    pub reviewers: BTreeSet<GroupName>,
    /// The channel where each use is announced and reviewed.
    pub channel: ChannelId,
    /// How long a review may be open before its requester can't use break-glass again.
    pub block_unreviewed_after: Span,
}

/// The review of a grant that its requester took by break-glass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The groups whose members were to sign off when it was opened.
    pub reviewers: BTreeSet<GroupName>,
    /// Where it was announced.
    pub channel: ChannelId,
    /// Since when it is open.
    pub opened_at: Time,
    /// Which reminder the reviewers had last, from 1; 0 before the first.
    #[serde(default)]
    pub reminded: u32,
    /// Who has signed off.
    #[serde(default)]
    pub sign_offs: Vec<SignOff>,
}

/// One reviewer's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignOff {
    /// Whose.
    pub by: UserId,
    /// When.
    pub at: Time,
    /// Every identity of theirs that was recorded.
    pub human: Human,
    /// What they found, in their words.
    pub reason: String,
}

impl Review {
    /// How many people have to sign off.
    pub const NEEDED: usize = 2;

    /// How many reminders there are at most, one a week.
    pub const REMINDERS: u32 = 52;

    /// Whether somebody still has to sign off.
    pub fn is_open(&self) -> bool {
        self.sign_offs.len() < Self::NEEDED
    }

    /// When the reviewers get this reminder, from 1.
    pub(super) fn reminder_at(&self, step: u32) -> Time {
        Span::seconds(EVERY.as_seconds().saturating_mul(step)).after(self.opened_at)
    }
}
