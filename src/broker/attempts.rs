//! Attempts that were refused, until they are written to the log.
//!
//! As many as anybody may have in the log are taken, for each person and for everybody of other
//! workspaces together. What is above that touches neither the store nor the log.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    domain::{Attempted, AttemptedOn, NotAllowed, RuleId, TeamId, Time, UserId},
    store::{ATTEMPTS_OF_ONE, ATTEMPTS_OF_OUTSIDERS, ATTEMPTS_WITHIN},
};

/// How many attempts wait to be written; what comes then is dropped.
const WAITING: usize = 1_000;

/// How many attempts are remembered in [`ATTEMPTS_WITHIN`]; what comes then is dropped.
const REMEMBERED: usize = 10_000;

/// Somebody tried what they are not allowed to do.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) at: Time,
    pub(super) by: UserId,
    /// The workspace of somebody who is not of ours.
    pub(super) team: Option<TeamId>,
    pub(super) action: Attempted,
    pub(super) on: Option<AttemptedOn>,
    pub(super) why: NotAllowed,
    pub(super) rules: Vec<RuleId>,
}

/// Attempts until they are written.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    inside: Mutex<Inside>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    waiting: VecDeque<Attempt>,
    /// When somebody's attempt was taken lately, and whether they are of another workspace.
    taken: VecDeque<(Time, UserId, bool)>,
}

impl Attempts {
    /// Takes an attempt, unless there are as many already as the log may get.
    pub(super) fn take(&self, attempt: Attempt) {
        let is_outsider = attempt.team.is_some();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let Inside { waiting, taken } = &mut *inside;
        let since = ATTEMPTS_WITHIN.before(attempt.at);
        taken.retain(|(at, ..)| *at > since);
        let outsiders = taken.iter().filter(|(_, _, is_outsider)| *is_outsider);
        let theirs = taken
            .iter()
            .filter(|(_, by, of_outsider)| (by, *of_outsider) == (&attempt.by, is_outsider));
        // One more than is recorded: the entry that says so.
        let is_too_many = theirs.count() > ATTEMPTS_OF_ONE
            || is_outsider && outsiders.count() > ATTEMPTS_OF_OUTSIDERS;
        if is_too_many || taken.len() >= REMEMBERED || waiting.len() >= WAITING {
            return;
        }
        taken.push_back((attempt.at, attempt.by.clone(), is_outsider));
        waiting.push_back(attempt);
        self.added.notify_one();
    }

    /// The next attempt, if one waits.
    pub(super) fn pop(&self) -> Option<Attempt> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.waiting.pop_front()
    }

    /// Waits for an attempt.
    pub(super) async fn next(&self) -> Attempt {
        loop {
            if let Some(attempt) = self.pop() {
                return attempt;
            }
            self.added.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Span;

    fn attempt(by: &str, team: Option<&str>, minutes: u32) -> Attempt {
        Attempt {
            at: Span::minutes(minutes).after(Time::UNIX_EPOCH),
            by: UserId::new(by),
            team: team.map(TeamId::new),
            action: Attempted::Approve,
            on: None,
            why: NotAllowed::NoAuthority,
            rules: Vec::new(),
        }
    }

    fn waiting(attempts: &Attempts) -> usize {
        std::iter::from_fn(|| attempts.pop()).count()
    }

    #[test]
    fn a_flood_waits_in_no_memory() {
        let attempts = Attempts::default();
        for _ in 0..10_000 {
            attempts.take(attempt("U0BOB", None, 0));
        }
        attempts.take(attempt("U0CAROL", None, 0));
        assert_eq!(waiting(&attempts), 22);
        for number in 0..10_000 {
            let by = format!("U0{number}");
            attempts.take(attempt(&by, Some("T0OTHER"), 1));
        }
        assert_eq!(waiting(&attempts), 101);
        attempts.take(attempt("U0BOB", None, 59));
        attempts.take(attempt("U0DAVE", None, 59));
        assert_eq!(waiting(&attempts), 1);
        attempts.take(attempt("U0BOB", None, 60));
        assert_eq!(waiting(&attempts), 1);
    }
}
