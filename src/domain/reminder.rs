//! Reminders: when approvers hear once more of what waits for their decision, and reviewers of what is open for
//! review.

use chrono::TimeDelta;

use super::{Request, Review, State, Time};

impl Request {
    /// How many reminders there are of one question: after a third and after two thirds of the time that
    /// it waits.
    pub const REMINDERS: u8 = 2;

    /// The next reminder that approvers did not get of what waits for a decision, from 1, and when it is
    /// due; nothing if nothing waits, or if they had all of them.
    pub fn next_reminder(&self) -> Option<(u8, Time)> {
        let step = self.reminded.saturating_add(1);
        Some((step, self.reminder_at(step)?))
    }

    /// The reminder to send at `now`: the last one that is due, so that nobody gets two at once. Nothing
    /// once the question has lapsed.
    pub(super) fn due_reminder(&self, now: Time) -> Option<u8> {
        let (_, lapses_at) = self.waits()?;
        let next = self.reminded.saturating_add(1);
        let is_due = |step: &u8| self.reminder_at(*step).is_some_and(|at| at <= now);
        (next..=Self::REMINDERS)
            .rev()
            .find(|step| now < lapses_at && is_due(step))
    }

    /// Until when what waits can be decided; nothing if nothing waits.
    pub fn waits_until(&self) -> Option<Time> {
        self.waits().map(|(_, until)| until)
    }

    fn reminder_at(&self, step: u8) -> Option<Time> {
        let (since, lapses_at) = self.waits()?;
        let parts = i64::from(Self::REMINDERS) + 1;
        // In whole milliseconds, as all times.
        let after = (lapses_at - since).num_milliseconds() * i64::from(step) / parts;
        (1..=Self::REMINDERS)
            .contains(&step)
            .then(|| since + TimeDelta::milliseconds(after))
    }

    /// Since when something waits for a decision, and until when.
    fn waits(&self) -> Option<(Time, Time)> {
        match (&self.extension, &self.state) {
            (Some(extension), _) => Some((extension.asked_at, extension.lapses_at)),
            (None, State::Pending { lapses_at }) => Some((self.asked_at, *lapses_at)),
            (None, _) => None,
        }
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
