//! Ending access before its time: done, revoke, lock.

use super::{Broker, alone, contended, facts::Question, unavailable};
use crate::{
    domain::{
        Actor, Command, EndCause, Lock, LockEvent, LockTarget, Refusal, Request, RequestId, RuleId,
        State, UserId,
    },
    policy::Action,
    store::{Commit, CommitError, EntryBody, LockChange, Open, Record},
};

impl Broker {
    /// Ends the requester's own grant.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn done(&self, by: &UserId, id: RequestId) -> Result<Request, Refusal> {
        self.settle(id, async |request| {
            if request.requester != *by {
                return Err(Refusal::NotTheRequester);
            }
            let by = Actor::Person(by.clone());
            let command = Command::End {
                by,
                rules: Vec::new(),
                cause: EndCause::Done,
            };
            Ok(alone(self.change(&request, command)?))
        })
        .await
    }

    /// Takes a grant back: an approver of its scope, or an administrator.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn revoke(
        &self,
        by: &UserId,
        id: RequestId,
        reason: &str,
    ) -> Result<Request, Refusal> {
        self.settle(id, async |request| {
            let rules = self.may(Action::Revoke, by, &request).await?;
            let by = Actor::Person(by.clone());
            let cause = EndCause::Revoked {
                reason: reason.trim().to_owned(),
            };
            Ok(alone(
                self.change(&request, Command::End { by, rules, cause })?,
            ))
        })
        .await
    }

    /// Locks, and begins to end every grant that the lock covers, in one transaction. Answers how
    /// many those are.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn lock(
        &self,
        by: &UserId,
        target: LockTarget,
        reason: &str,
    ) -> Result<usize, Refusal> {
        for _ in 0..super::ATTEMPTS {
            let rules = self.may_lock(Action::Lock, by, &target).await?;
            let reason = reason.trim().to_owned();
            let event = LockEvent::Locked {
                target: target.clone(),
                reason: reason.clone(),
            };
            let record = self.lock_record(by, rules, event);
            let lock = Lock {
                target: target.clone(),
                by: by.clone(),
                reason: reason.clone(),
                at: record.at,
            };
            let mut changes = Vec::new();
            for request in self.covered(&target).await? {
                changes.push(self.change(&request, ended_by_lock(&lock))?);
            }
            let ended = changes.len();
            let lock = Some(LockChange::Set(lock, record));
            let commit = Commit {
                changes,
                lock,
                ..Commit::default()
            };
            match self.commit(None, commit).await {
                Ok(()) => return Ok(ended),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(error)) => return Err(unavailable(error)),
            }
        }
        Err(contended())
    }

    /// Lifts a lock. False if there was none.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn unlock(&self, by: &UserId, target: LockTarget) -> Result<bool, Refusal> {
        let rules = self.may_lock(Action::Unlock, by, &target).await?;
        let event = LockEvent::Unlocked {
            target: target.clone(),
        };
        let record = self.lock_record(by, rules.clone(), event);
        let lift = LockChange::Lift(target.clone(), record);
        if self.change_lock(lift).await? {
            return Ok(true);
        }
        let Some(mut lock) = self.logged_locks().await?.remove(&target) else {
            return Ok(false);
        };
        // The table lost the lock, which the log says is in force: what is set again can be lifted.
        let event = LockEvent::Locked {
            target: target.clone(),
            reason: lock.reason.clone(),
        };
        let record = self.lock_record(by, rules.clone(), event);
        (lock.by, lock.at) = (by.clone(), record.at);
        self.change_lock(LockChange::Set(lock, record)).await?;
        let record = self.lock_record(
            by,
            rules,
            LockEvent::Unlocked {
                target: target.clone(),
            },
        );
        self.change_lock(LockChange::Lift(target, record)).await
    }

    /// Sets or lifts a lock. False if the one to be lifted is not there.
    async fn change_lock(&self, change: LockChange) -> Result<bool, Refusal> {
        let commit = Commit {
            lock: Some(change),
            ..Commit::default()
        };
        match self.parts.store.commit(commit).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Unavailable(error)) => Err(unavailable(error)),
        }
    }

    /// Ends a grant that a lock covers although it was approved: the approval and the lock were
    /// committed side by side. True if there was one.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn end_if_locked(&self, id: RequestId) -> Result<bool, Refusal> {
        let locks = self.locks().await?;
        let request = self.request(id).await?;
        match locks
            .iter()
            .find(|lock| lock.target.covers_request(&request))
        {
            None => Ok(false),
            Some(lock) => self
                .record(id, ended_by_lock(lock), None)
                .await
                .map(|_| true),
        }
    }

    async fn covered(&self, target: &LockTarget) -> Result<Vec<Request>, Refusal> {
        let which = match target {
            LockTarget::Everything => Open::All,
            LockTarget::Scope(scope) => Open::For(scope.clone()),
            LockTarget::Person(person) => Open::Of(person.clone()),
        };
        let mut open = self.parts.store.open(which).await.map_err(unavailable)?;
        open.retain(|request| matches!(request.state, State::Approved | State::Active { .. }));
        Ok(open)
    }

    async fn may_lock(
        &self,
        action: Action,
        by: &UserId,
        target: &LockTarget,
    ) -> Result<Vec<RuleId>, Refusal> {
        let scope = match target {
            LockTarget::Scope(scope) => Some(self.scope(scope)?),
            LockTarget::Person(_) | LockTarget::Everything => None,
        };
        let person = self.person(by, scope).await?;
        self.judge(action, &person, &Question::of_authority(scope, by))
    }

    fn lock_record(&self, by: &UserId, rules: Vec<RuleId>, event: LockEvent) -> Record {
        Record {
            at: self.now(),
            request: None,
            actor: Actor::Person(by.clone()),
            rules,
            body: EntryBody::Lock(event),
        }
    }
}

fn ended_by_lock(lock: &Lock) -> Command {
    Command::End {
        by: Actor::Person(lock.by.clone()),
        rules: Vec::new(),
        cause: EndCause::Locked {
            reason: lock.reason.clone(),
        },
    }
}
