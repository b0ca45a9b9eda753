//! Locks that end by themselves, and who may see which are in force.

use super::{Broker, Error, facts::Question};
use crate::{
    domain::{Actor, Lock, LockEvent, UserId},
    policy::Action,
    store::{Commit, CommitError, EntryBody, LockChange, Record},
};

impl Broker {
    /// Whether this person may see which locks are in force: whoever could lock everything.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`], or the store's trouble.
    pub async fn may_see_locks(&self, person: &UserId) -> Result<bool, Error> {
        let facts = self.person(person, None).await?;
        let question = Question::of_authority(None, person, &facts.human);
        Ok(self.would_allow(Action::Lock, &facts, &question).is_ok())
    }

    /// Lifts those of `locks`, the locks in force, whose time is over. What they cover has ended by
    /// then. Answers whether one was lifted.
    ///
    /// A lock that the table and the log tell of differently stays until both say that it is over; one
    /// that the table lost stays until somebody lifts it.
    ///
    /// # Errors
    ///
    /// The store's trouble; what was lifted before stays so.
    pub async fn lift_over(&self, locks: &[Lock]) -> Result<bool, Error> {
        if self.store.standby_reason().is_some() {
            return Ok(false);
        }
        let mut has_lifted = false;
        for lock in locks {
            let now = self.now();
            let mut same = locks.iter().filter(|other| other.target == lock.target);
            if !same.all(|other| other.is_over(now)) {
                continue;
            }
            self.end_covered(std::slice::from_ref(lock)).await?;
            let target = lock.target.clone();
            let record = Record {
                at: now,
                request: None,
                actor: Actor::Keylend,
                rules: Vec::new(),
                body: EntryBody::Lock(LockEvent::Unlocked {
                    target: target.clone(),
                }),
            };
            let commit = Commit {
                lock: Some(LockChange::LiftOver(target, record)),
                ..Commit::default()
            };
            match self.commit(None, None, commit).await {
                Ok(_) => has_lifted = true,
                // Somebody else lifted it, or set it for longer.
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(has_lifted)
    }
}
