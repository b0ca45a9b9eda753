//! Reviews: a grant that somebody took by break-glass stays open for review until two other people have
//! signed off, whether or not the access has ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ChannelId, GroupName, Human, Request, Span, Time, UserId};

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

    fn reminder_at(&self, step: u32) -> Time {
        Span::seconds(EVERY.as_seconds().saturating_mul(step)).after(self.opened_at)
    }
}

impl Request {
    /// The next reminder that the reviewers did not get, from 1, and when it is due; nothing if no review is
    /// open, or if they had all of them.
    pub fn next_review_reminder(&self) -> Option<(u32, Time)> {
        let review = self.review.as_ref().filter(|review| review.is_open())?;
        let step = review.reminded.saturating_add(1);
        (step <= Review::REMINDERS).then(|| (step, review.reminder_at(step)))
    }

    /// The reminder to send at `now`: the last one that is due, so that nobody gets two at once.
    pub(super) fn due_review_reminder(&self, now: Time) -> Option<u32> {
        let (next, _) = self.next_review_reminder()?;
        let review = self.review.as_ref()?;
        let is_due = |step: &u32| review.reminder_at(*step) <= now;
        (next..=Review::REMINDERS).rev().find(is_due)
    }
}
