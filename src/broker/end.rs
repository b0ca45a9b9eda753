//! Ending access before its time: done, revoke, lock.

use super::{Broker, alone, contended, facts::Question, unavailable};
use crate::{
    domain::{
        Actor, Command, EndCause, Human, Lock, LockEvent, LockTarget, Refusal, Request, RequestId,
        RuleId, Scope, State, UserId,
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
            let human = self.human_beside(by, &request.requester).await?;
            let by = by.clone();
            let command = Command::Done { by, human };
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
            let (_, rules) = self.may(Action::Revoke, by, &request).await?;
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
            let person = match &target {
                LockTarget::Person(person) => self.human_known(person).await?,
                LockTarget::Scope(_) | LockTarget::Everything => Human::default(),
            };
            let event = LockEvent::Locked {
                target: target.clone(),
                person: person.clone(),
                reason: reason.clone(),
            };
            let record = self.lock_record(by, rules, event);
            let lock = Lock {
                target: target.clone(),
                person,
                by: by.clone(),
                reason: reason.clone(),
                at: record.at,
            };
            let mut changes = Vec::new();
            for request in self.covered(&lock).await? {
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
        let record = self.lock_record(by, rules, event);
        let lock = Some(LockChange::Lift(target, record));
        match self
            .parts
            .store
            .commit(Commit {
                lock,
                ..Commit::default()
            })
            .await
        {
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
        match locks.iter().find(|lock| lock.covers_request(&request)) {
            None => Ok(false),
            Some(lock) => self
                .record(id, ended_by_lock(lock), None)
                .await
                .map(|_| true),
        }
    }

    async fn covered(&self, lock: &Lock) -> Result<Vec<Request>, Refusal> {
        let store = &self.parts.store;
        let mut open = match &lock.target {
            LockTarget::Everything => store.open(Open::All).await.map_err(unavailable)?,
            LockTarget::Scope(scope) => {
                let which = Open::For(scope.clone());
                store.open(which).await.map_err(unavailable)?
            }
            LockTarget::Person(_) => self.holdings(&lock.person).await?.requests,
        };
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
        self.may_administer(action, by, scope).await
    }

    /// The rules that let `by` do what administrators do.
    pub(super) async fn may_administer(
        &self,
        action: Action,
        by: &UserId,
        scope: Option<&Scope>,
    ) -> Result<Vec<RuleId>, Refusal> {
        let person = self.person(by, scope).await?;
        let question = Question::of_authority(scope, by, &person.human);
        self.judge(action, &person, &question)
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
