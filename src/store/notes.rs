//! Entries that no decision rests on: attempts that were refused, and who is in the groups that can
//! approve.
//!
//! What was noted decides only what is noted next, so that no replica repeats another and nobody fills
//! the log. Each replica folds it from the log, and only what is new is read each time.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::Mutex;

use super::{Entry, EntryBody, Origin, RawEntry, Store, StoreError};
use crate::domain::{Actor, AttemptEvent, GroupEvent, GroupName, Span, Time, UserId};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// The period over which attempts are counted.
pub const ATTEMPTS_WITHIN: Span = Span::minutes(60);

/// The most attempts of one person that are recorded within [`ATTEMPTS_WITHIN`].
pub const ATTEMPTS_OF_ONE: usize = 20;

/// The most attempts of people of other workspaces, together, that are recorded within [`ATTEMPTS_WITHIN`].
pub const ATTEMPTS_OF_OUTSIDERS: usize = 100;

/// What was noted, as one replica knows it.
#[derive(Default)]
pub struct LoggedNotes(Mutex<Notes>);

/// What was noted up to one entry.
#[derive(Debug, Default)]
pub struct Notes {
    /// The last entry without a request that was read and that Keylend wrote: another one, far ahead, may
    /// be there for a moment only.
    read: u64,
    /// The last entry without a request, whoever wrote it.
    last_seq: u64,
    /// The attempts of the last [`ATTEMPTS_WITHIN`] of the log, in its order.
    attempts: VecDeque<Attempt>,
    groups: BTreeMap<GroupName, (Time, GroupEvent)>,
}

#[derive(Debug)]
struct Attempt {
    at: Time,
    /// Nobody where it says that no more of all outsiders are recorded.
    by: Option<UserId>,
    is_outsider: bool,
    /// Whether it says that no more are recorded.
    is_last: bool,
}

/// What is recorded of one more attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAttempt {
    /// The attempt.
    Recorded,
    /// That further attempts of this person are not recorded.
    LastOfOne,
    /// That further attempts of all outsiders are not recorded.
    LastOfOutsiders,
    /// Nothing.
    Dropped,
}

impl LoggedNotes {
    /// Asks what the log says, read to its end.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn read<T>(
        &self,
        store: &dyn Store,
        ask: impl FnOnce(&Notes) -> T,
    ) -> Result<T, StoreError> {
        let mut notes = self.0.lock().await;
        let mut last_seq = notes.read;
        loop {
            let page = store.entries_of(None, last_seq, PAGE).await?;
            for raw in &page {
                notes.fold(raw);
                last_seq = raw.seq;
            }
            notes.last_seq = last_seq;
            if page.len() < PAGE as usize {
                return Ok(ask(&notes));
            }
        }
    }
}

impl Notes {
    /// The last entry without a request that was read; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// What the log last said of a group, and when.
    pub fn group(&self, group: &GroupName) -> Option<&(Time, GroupEvent)> {
        self.groups.get(group)
    }

    /// What is recorded of one more attempt at `now`.
    pub fn next_attempt(&self, by: &UserId, is_outsider: bool, now: Time) -> NextAttempt {
        let since = ATTEMPTS_WITHIN.before(now);
        let lately = || self.attempts.iter().filter(|attempt| attempt.at > since);
        if is_outsider {
            let outsiders = || lately().filter(|attempt| attempt.is_outsider);
            if outsiders().any(|attempt| attempt.by.is_none()) {
                return NextAttempt::Dropped;
            }
            if outsiders().count() >= ATTEMPTS_OF_OUTSIDERS {
                return NextAttempt::LastOfOutsiders;
            }
        }
        let is_theirs = |attempt: &&Attempt| {
            attempt.by.as_ref() == Some(by) && attempt.is_outsider == is_outsider
        };
        let theirs = || lately().filter(is_theirs);
        if theirs().any(|attempt| attempt.is_last) {
            NextAttempt::Dropped
        } else if theirs().count() >= ATTEMPTS_OF_ONE {
            NextAttempt::LastOfOne
        } else {
            NextAttempt::Recorded
        }
    }

    /// Folds an entry in. One that was changed, or that Keylend did not write, says nothing.
    fn fold(&mut self, raw: &RawEntry) {
        if raw.origin != Origin::Forged {
            self.read = raw.seq;
        }
        let is_note = matches!(
            raw.kind.as_str(),
            "attempt_refused"
                | "attempts_not_recorded"
                | "approver_group_read"
                | "approver_group_changed"
        );
        if !is_note {
            return;
        }
        let entry = match Entry::try_from(raw) {
            Ok(entry) => match raw.why_not_genuine() {
                None => entry,
                Some(why) => {
                    tracing::error!(seq = raw.seq, %why, "an entry of the log is ignored: run `keylend audit verify`");
                    return;
                }
            },
            Err(error) => {
                tracing::error!(
                    seq = raw.seq, %error,
                    "failed to read an entry of the log; it is ignored: run `keylend audit verify`"
                );
                return;
            }
        };
        let at = entry.at;
        match entry.body {
            EntryBody::Attempt(event) => {
                let (is_last, team) = match event {
                    AttemptEvent::AttemptRefused { team, .. } => (false, team),
                    AttemptEvent::AttemptsNotRecorded { team, .. } => (true, team),
                };
                let by = match entry.actor {
                    Actor::Person(id) => Some(id),
                    Actor::Rule(_) | Actor::Keylend => None,
                };
                let since = ATTEMPTS_WITHIN.before(at);
                while self.attempts.front().is_some_and(|it| it.at <= since) {
                    self.attempts.pop_front();
                }
                self.attempts.push_back(Attempt {
                    at,
                    is_outsider: team.is_some() || by.is_none(),
                    by,
                    is_last,
                });
            }
            EntryBody::Group(event) => {
                let group = event.last().0.group.clone();
                self.groups.insert(group, (at, event));
            }
            EntryBody::Request(_)
            | EntryBody::Lock(_)
            | EntryBody::Name(_)
            | EntryBody::Unexplained(_) => {}
        }
    }
}
