//! Whether a replica's clock is right: compared with the clock of the store, which all replicas share.

use std::{fmt, sync::Arc};

use chrono::TimeDelta;

use crate::{
    clock::{Clock, SteadyClock},
    domain::Time,
};

/// The largest difference between clocks that counts as none: 2 seconds.
pub const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// The clocks that a replica compares.
#[derive(Clone)]
pub struct Clocks {
    /// This replica's.
    pub own: Arc<SteadyClock>,
    /// The store's; nothing for that of the database server.
    pub store: Option<Arc<dyn Clock>>,
}

/// The direction in which a clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// It is ahead of the store's.
    Ahead,
    /// It is behind the store's.
    Behind,
}

/// How the replicas' clocks compare with the store's, to a tolerance of two seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockComparison {
    /// The direction in which this replica's clock is wrong. `None` if it is right.
    pub own: Option<Off>,
    /// Whether the clock of another replica that is alive is right, and that replica may work.
    pub is_another_right: bool,
    /// Whether the clock of another replica that is alive is wrong.
    pub is_another_wrong: bool,
}

impl Off {
    /// How a clock is wrong that showed `before` and `after` around a question to which the store's clock
    /// answered `store`; nothing if it may be right.
    pub(super) fn between(before: Time, store: Time, after: Time) -> Option<Self> {
        let half = (after - before) / 2;
        let ahead = before + half - store;
        match TOLERANCE + half {
            tolerance if ahead > tolerance => Some(Self::Ahead),
            tolerance if ahead < -tolerance => Some(Self::Behind),
            _ => None,
        }
    }
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ahead => "ahead of",
            Self::Behind => "behind",
        })
    }
}

impl fmt::Debug for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clocks").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn off(before: i64, store: i64, after: i64) -> Option<Off> {
        let at = |millis| Time::from_timestamp_millis(millis).unwrap();
        Off::between(at(before), at(store), at(after))
    }

    #[test]
    fn two_seconds_are_tolerated_and_what_the_question_took() {
        assert_eq!(off(10_000, 8_000, 10_000), None);
        assert_eq!(off(10_000, 7_999, 10_000), Some(Off::Ahead));
        assert_eq!(off(10_000, 12_000, 10_000), None);
        assert_eq!(off(10_000, 12_001, 10_000), Some(Off::Behind));
        // The store may have answered at any time in between.
        assert_eq!(off(10_000, 8_000, 14_000), None);
        assert_eq!(off(10_000, 7_999, 14_000), Some(Off::Ahead));
        assert_eq!(off(10_000, 16_000, 14_000), None);
        assert_eq!(off(10_000, 16_001, 14_000), Some(Off::Behind));
    }
}
