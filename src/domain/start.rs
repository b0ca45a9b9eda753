//! A start in the future: a request that is approved in advance, and begins later.

use super::{Request, Span, State, Time};

impl Request {
    /// How far ahead the start of a request may be: seven days.
    pub const MOST_AHEAD: Span = Span::minutes(7 * 24 * 60);

    /// Whether it is approved and its start has not come: it is decided on once more then, and nothing is
    /// granted before.
    pub fn waits_for_start(&self) -> bool {
        self.state == State::Approved && self.starts_at.is_some() && !self.started
    }

    /// Whether it waits for its start, which has come at `now`, and its time is not over.
    pub(super) fn is_start_due(&self, now: Time) -> bool {
        let has_come = self.starts_at.is_some_and(|start| now >= start);
        let is_over = self.expires_at.is_some_and(|end| now >= end);
        self.waits_for_start() && has_come && !is_over
    }

    /// Whether it was approved in advance and is over, or about to be, without having started.
    pub fn never_started(&self) -> bool {
        let is_over = matches!(
            self.state,
            State::Ending { .. } | State::Ended { .. } | State::Failed { .. }
        );
        is_over && self.starts_at.is_some() && !self.started
    }
}
