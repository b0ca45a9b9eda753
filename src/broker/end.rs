//! Ending access before its time: done, revoke, lock.

use super::{Broker, Error, Intent, facts::Question, single_change};
use crate::{
    domain::{
        Actor, Attempted, AttemptedOn, Command, EndCause, Human, Lock, LockEvent, LockTarget,
        Refusal, Request, RequestId, RuleId, Scope, Span, Time, UserId,
    },
    policy::Action,
    store::{Commit, CommitError, EntryBody, LockChange, OpenPages, Record, logged},
};

/// Open requests that are looked at at a time, and grants that end in one transaction at most.
const PAGE: u32 = 100;

/// How many grants are looked for before somebody is asked whether they are to end: it has to be shown
/// within three seconds.
const COVERED: usize = 500;

/// The grants that a lock would end.
#[derive(Debug, Clone, Default)]
pub struct Covered {
    /// They, oldest first.
    pub grants: Vec<Request>,
    /// Whether there are more.
    pub has_more: bool,
}

/// What came of a lock that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locked {
    /// How many grants it ended; nothing if the store failed before that was known.
    pub ended: Option<usize>,
    /// Whether Slack said who the person is whom it locks; if not, it covers what is on record of
    /// them.
    pub is_person_known: bool,
    /// When Keylend lifts the lock; nothing if it stays until somebody does.
    pub until: Option<Time>,
}

impl Broker {
    /// Ends the requester's own grant.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn done(&self, intent: &Intent, id: RequestId) -> Result<Request, Error> {
        let by = intent.by();
        self.settle(Some(intent), id, async |request| {
            let human = self.human_beside(by, &request.requester).await?;
            let by = by.clone();
            let command = Command::Done { by, human };
            Ok(self.change_alone(intent, Attempted::Done, &request, command)?)
        })
        .await
    }

    /// Revokes a grant: an approver of its scope, or an administrator.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn revoke(
        &self,
        intent: &Intent,
        id: RequestId,
        reason: &str,
    ) -> Result<Request, Error> {
        self.settle(Some(intent), id, async |request| {
            let command = self.revocation(intent, &request, reason).await?;
            Ok(single_change(self.change(&request, command)?))
        })
        .await
    }

    /// The grant, if this person could revoke it now: asked before they are asked for a reason.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_revoke(&self, intent: &Intent, id: RequestId) -> Result<Request, Error> {
        let request = self.request(id).await?;
        let command = self.revocation(intent, &request, "").await?;
        self.change(&request, command)?;
        Ok(request)
    }

    async fn revocation(
        &self,
        intent: &Intent,
        request: &Request,
        reason: &str,
    ) -> Result<Command, Error> {
        let (_, rules) = self.may(Action::Revoke, intent, request).await?;
        let reason = reason.trim().to_owned();
        Ok(Command::End {
            by: Actor::Person(intent.by().clone()),
            rules,
            cause: EndCause::Revoked { reason },
        })
    }

    /// What a lock would end, if this person could set it now: asked before they are asked for a reason.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_set_lock(
        &self,
        intent: &Intent,
        target: &LockTarget,
    ) -> Result<Covered, Error> {
        self.may_lock(Action::Lock, intent, target).await?;
        let lock = Lock {
            target: target.clone(),
            person: self.human_covered(target).await?.0,
            by: intent.by().clone(),
            reason: String::new(),
            at: self.now(),
            until: None,
        };
        let (mut covered, mut pages) = (Covered::default(), self.few_grants());
        while covered.grants.len() < COVERED {
            let Some(mut grants) = pages.next().await? else {
                return Ok(covered);
            };
            grants.retain(|request| lock.covers_request(request));
            covered.grants.extend(grants);
        }
        covered.has_more = true;
        Ok(covered)
    }

    /// Locks until somebody lifts the lock: see [`lock_for`](Self::lock_for).
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn lock(
        &self,
        intent: &Intent,
        target: LockTarget,
        reason: &str,
    ) -> Result<Locked, Error> {
        self.lock_for(intent, target, reason, None).await
    }

    /// Locks, for `length` or until somebody lifts the lock, then ends every grant that the lock
    /// covers. A lock of the same target that is in force already keeps its end if that is later.
    ///
    /// The lock is committed alone: nothing can come in its way, and from then on every check says
    /// no and nothing that it covers is granted. What cannot be ended now, because the store fails
    /// or the process dies, the worker's patrol ends.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn lock_for(
        &self,
        intent: &Intent,
        target: LockTarget,
        reason: &str,
        length: Option<Span>,
    ) -> Result<Locked, Error> {
        let by = intent.by();
        let rules = self.may_lock(Action::Lock, intent, &target).await?;
        let reason = reason.trim().to_owned();
        let (person, is_person_known) = self.human_covered(&target).await?;
        let lock = Lock {
            until: length.map(|length| length.after(self.now())),
            at: self.now(),
            by: by.clone(),
            target: target.clone(),
            person,
            reason,
        };
        // Nothing that cannot be read keeps anything from being locked.
        let locks = self.locks().await.unwrap_or_default();
        let mut lock = locks
            .iter()
            .filter(|before| before.target == target)
            .fold(lock, |lock, before| lock.in_place_of(Some(before)));
        let event = LockEvent::Locked {
            target,
            person: lock.person.clone(),
            reason: lock.reason.clone(),
            until: lock.until,
        };
        let record = self.lock_record(by, rules, event);
        lock.at = record.at;
        let commit = Commit {
            lock: Some(LockChange::Set(lock.clone(), record)),
            ..Commit::default()
        };
        self.commit(Some(intent), None, commit).await?;
        let ended = match self.end_covered(std::slice::from_ref(&lock)).await {
            Ok(ended) => Some(ended),
            Err(error) => {
                tracing::warn!(
                    lock.target = %lock.target, %error,
                    "failed to end all grants that a lock covers; the patrol ends the rest"
                );
                None
            }
        };
        Ok(Locked {
            ended,
            is_person_known,
            until: lock.until,
        })
    }

    /// Lifts a lock; of a person, every lock under any of their identities. False if there was none.
    /// What it covered has ended by then, also where the one who locked could not end it.
    ///
    /// # Errors
    ///
    /// Why not; what was lifted before stays so.
    pub async fn unlock(&self, intent: &Intent, target: LockTarget) -> Result<bool, Error> {
        let rules = self.may_lock(Action::Unlock, intent, &target).await?;
        let (person, _) = self.human_covered(&target).await?;
        let mut locks = self.locks().await?;
        locks.retain(|lock| lock.target == target || lock.person.is(&person));
        let mut was_locked = false;
        for lock in locks {
            self.end_covered(std::slice::from_ref(&lock)).await?;
            was_locked |= self.lift(intent, &rules, lock).await?;
        }
        Ok(was_locked)
    }

    /// Lifts one lock. False if somebody else has lifted it.
    async fn lift(&self, intent: &Intent, rules: &[RuleId], mut lock: Lock) -> Result<bool, Error> {
        let by = intent.by();
        let target = lock.target.clone();
        let lift = || {
            let target = target.clone();
            let event = LockEvent::Unlocked {
                target: target.clone(),
            };
            LockChange::Lift(target, self.lock_record(by, rules.to_vec(), event))
        };
        if self.change_lock(intent, lift()).await? {
            return Ok(true);
        }
        if !self.logged_locks().await?.contains_key(&target) {
            return Ok(false);
        }
        // The table lost the lock, which the log says is in force: what is set again can be lifted.
        let event = LockEvent::Locked {
            target: target.clone(),
            person: lock.person.clone(),
            reason: lock.reason.clone(),
            until: lock.until,
        };
        let record = self.lock_record(by, rules.to_vec(), event);
        (lock.by, lock.at) = (by.clone(), record.at);
        self.change_lock(intent, LockChange::Set(lock, record))
            .await?;
        self.change_lock(intent, lift()).await
    }

    /// Sets or lifts a lock. False if the one to be lifted is not there.
    async fn change_lock(&self, intent: &Intent, change: LockChange) -> Result<bool, Error> {
        let commit = Commit {
            lock: Some(change),
            ..Commit::default()
        };
        match self.commit(Some(intent), None, commit).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends every grant that one of `locks` covers, a page at a time. Answers how many.
    ///
    /// One pass is enough: what is not granted when it begins cannot be while the locks are in
    /// force. Survives a crash in between by being called again.
    ///
    /// # Errors
    ///
    /// The store's trouble; what was ended before stays so.
    pub async fn end_covered(&self, locks: &[Lock]) -> Result<usize, Error> {
        if locks.is_empty() {
            return Ok(0);
        }
        let (mut ended, mut pages) = (0, self.few_grants());
        while let Some(grants) = pages.next().await? {
            let covered: Vec<(&Request, &Lock)> = grants
                .iter()
                .filter_map(|request| Some((request, covering(locks, request)?)))
                .collect();
            if !covered.is_empty() {
                ended += self.end_together(&covered).await?;
            }
        }
        Ok(ended)
    }

    /// The grants that nothing ends yet, as many at a time as may end in one transaction.
    fn few_grants(&self) -> OpenPages<'_> {
        OpenPages::new(&*self.store, PAGE).only(Request::goes_on)
    }

    /// Ends grants in one transaction; one by one where somebody else changes them meanwhile, or
    /// where their snapshots are not what the log says.
    async fn end_together(&self, covered: &[(&Request, &Lock)]) -> Result<usize, Error> {
        let ids: Vec<RequestId> = covered.iter().map(|(request, _)| request.id).collect();
        let logged = logged(&*self.store, &ids).await?;
        let last_seq = |request: &Request| {
            let (logged, last_seq) = logged.get(&request.id)?;
            (logged == request).then_some(*last_seq)
        };
        let (together, alone): (Vec<_>, Vec<_>) = covered
            .iter()
            .partition(|(request, _)| last_seq(request).is_some());
        let changes = together
            .iter()
            .map(|(request, lock)| {
                let mut change = self.change(request, ended_by_lock(lock))?;
                change.last_seq = last_seq(request);
                Ok(change)
            })
            .collect::<Result<_, Refusal>>()?;
        let commit = Commit {
            changes,
            ..Commit::default()
        };
        let (mut ended, mut left) = (0, alone);
        let committed = match together.is_empty() {
            true => Ok(()),
            false => self.commit(None, None, commit).await.map(drop),
        };
        match committed {
            Ok(()) => ended = together.len(),
            Err(CommitError::Conflict) => left.extend(together),
            Err(error) => return Err(error.into()),
        }
        for (request, lock) in left {
            match self.act(None, request.id, ended_by_lock(lock)).await {
                Ok(_) => ended += 1,
                Err(error) if keeps_no_other(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    /// Every identity of the person whom a lock of `target` covers, and whether Slack said who that is.
    async fn human_covered(&self, target: &LockTarget) -> Result<(Human, bool), Error> {
        match target {
            LockTarget::Person(person) => {
                let (mut human, is_known) = self.human_known(person).await?;
                // Set again while Slack says nothing, a lock covers no less than before.
                // Nothing that cannot be read keeps somebody from being locked.
                let locks = self.locks().await.unwrap_or_default();
                if let Some(before) = locks.iter().find(|lock| lock.target == *target) {
                    human = human.with(&before.person);
                }
                Ok((human, is_known))
            }
            LockTarget::Scope(_) | LockTarget::Everything | LockTarget::Target(_) => {
                Ok((Human::default(), true))
            }
        }
    }

    /// The lock that covers `request`, if one does.
    pub(super) async fn lock_over(&self, request: &Request) -> Result<Option<Lock>, Error> {
        let locks = self.locks().await?;
        Ok(covering(&locks, request).cloned())
    }

    async fn may_lock(
        &self,
        action: Action,
        intent: &Intent,
        target: &LockTarget,
    ) -> Result<Vec<RuleId>, Error> {
        let scope = match target {
            // What has left the catalogue may be held still.
            LockTarget::Scope(scope) => self.parts.catalogue.get(scope),
            LockTarget::Person(_) | LockTarget::Everything | LockTarget::Target(_) => None,
        };
        self.may_administer(action, intent, scope, target.into())
            .await
    }

    /// The rules that let somebody do what administrators do, with `on`.
    pub(super) async fn may_administer(
        &self,
        action: Action,
        intent: &Intent,
        scope: Option<&Scope>,
        on: AttemptedOn,
    ) -> Result<Vec<RuleId>, Error> {
        let by = intent.by();
        let person = self.person(by, scope).await?;
        let question = Question::of_authority(scope, by, &person.human);
        let attempted = match action {
            Action::Lock => Attempted::Lock,
            Action::Unlock => Attempted::Unlock,
            _ => Attempted::Release,
        };
        let note = |refusal: &Refusal| self.note_refused(intent, attempted, Some(on), refusal);
        Ok(self
            .authorize(action, &person, &question)
            .inspect_err(note)?)
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

fn covering<'a>(locks: &'a [Lock], request: &Request) -> Option<&'a Lock> {
    locks.iter().find(|lock| lock.covers_request(request))
}

/// Whether a grant that was not ended for this reason keeps no other from being ended: it has ended
/// by itself, or is about to; or the log does not tell of it, which has raised an alert.
pub(super) fn keeps_no_other(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused(Refusal::NotActive { .. } | Refusal::NoSuchRequest(_))
            | Error::Contradicted(_)
    )
}

pub(super) fn ended_by_lock(lock: &Lock) -> Command {
    Command::End {
        by: Actor::Person(lock.by.clone()),
        rules: Vec::new(),
        cause: EndCause::Locked {
            reason: lock.reason.clone(),
        },
    }
}
