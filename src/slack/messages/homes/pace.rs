//! How fast Homes are looked at: not so fast that decisions would find no calls left to ask Slack
//! with, and not at all while Slack asks to be left alone.

use std::collections::VecDeque;

use chrono::TimeDelta;

use crate::{domain::Time, presentation::Home};

/// How many Homes are looked at in a minute because something changed.
pub const A_MINUTE: usize = 40;

/// How many are looked at in a minute, with those that somebody has just opened.
pub const WITH_OPENED: usize = 80;

/// How fast Homes are looked at.
#[derive(Default)]
pub(super) struct Pace {
    /// When those of the last minute were.
    recent: VecDeque<Time>,
    /// Until when Slack asks to be left alone.
    closed: Option<Time>,
}

impl Pace {
    /// When the next Home may be looked at; nothing if now.
    pub(super) fn opens(&mut self, home: &Home, now: Time) -> Option<Time> {
        let most = match home.shown {
            None => WITH_OPENED,
            Some(_) => A_MINUTE,
        };
        let minute = TimeDelta::minutes(1);
        // A clock that was set back keeps nobody waiting.
        self.recent
            .retain(|at| (TimeDelta::zero()..minute).contains(&(now - *at)));
        // The one that has to be a minute old for there to be room.
        let last = self.recent.len().checked_sub(most);
        let full = last.map(|index| self.recent[index] + minute);
        self.closed.filter(|until| now < *until).max(full)
    }

    /// A Home was looked at.
    pub(super) fn took(&mut self, now: Time) {
        self.recent.push_back(now);
    }

    /// Slack asks to be left alone.
    pub(super) fn close(&mut self, until: Time) {
        self.closed = Some(until);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::UserId;

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn home(shown: Option<&str>) -> Home {
        Home {
            person: UserId::new("U0BOB"),
            shown: shown.map(str::to_owned),
            asked_by: BTreeSet::new(),
            shows_locks: false,
            shows_reviews: false,
            failures: 0,
            version: 1,
        }
    }

    #[test]
    fn a_storm_leaves_slack_to_those_who_decide_and_to_those_who_look() {
        let (changed, opened) = (home(Some("digest")), home(None));
        let mut pace = Pace::default();
        for _ in 0..A_MINUTE {
            assert_eq!(pace.opens(&changed, at(0)), None);
            pace.took(at(0));
        }
        assert_eq!(pace.opens(&changed, at(9)), Some(at(60)));
        for _ in A_MINUTE..WITH_OPENED {
            assert_eq!(pace.opens(&opened, at(9)), None);
            pace.took(at(9));
        }
        assert_eq!(pace.opens(&opened, at(59)), Some(at(60)));
        assert_eq!(pace.opens(&opened, at(60)), None);
        assert_eq!(pace.opens(&changed, at(60)), Some(at(69)));
    }

    #[test]
    fn slack_is_left_alone_for_as_long_as_it_asks() {
        let mut pace = Pace::default();
        pace.close(at(30));
        assert_eq!(pace.opens(&home(None), at(29)), Some(at(30)));
        assert_eq!(pace.opens(&home(None), at(30)), None);
    }
}
