//! Refused attempts: each is an entry in the log if the person has no authority, up to a limit for each
//! person and one for everybody of other workspaces.
//!
//! The answer does not wait for it and does not depend on it: an attempt waits in memory until a task
//! writes it. How many are in the log is counted there, for all replicas together.

use tokio_util::sync::CancellationToken;

use super::{Broker, Error, Intent, attempts::Attempt, error::ATTEMPTS, single_change};
use crate::{
    domain::{
        Actor, AttemptEvent, Attempted, AttemptedOn, Command, NotAllowed, Person, Refusal, Request,
        Span, TeamId, UserId,
    },
    store::{ATTEMPTS_WITHIN, Commit, CommitError, EntryBody, NextAttempt, Note, Record},
};

/// How long to wait after a failure.
const PAUSE: Span = Span::seconds(5);

impl Broker {
    /// Refuses anybody who is not a full member of this workspace, like [`member`](Self::member), and
    /// notes what they tried.
    ///
    /// # Errors
    ///
    /// Those of [`member`](Self::member).
    pub async fn member_trying(
        &self,
        intent: &Intent,
        action: Option<Attempted>,
        on: Option<AttemptedOn>,
    ) -> Result<Person, Error> {
        let member = self.member(intent.by()).await;
        if let (Err(Error::Refused(refusal)), Some(action)) = (&member, action) {
            self.note_refused(intent, action, on, refusal);
        }
        member
    }

    /// Notes that somebody of another workspace tried something.
    pub fn note_outsider(
        &self,
        by: UserId,
        team: TeamId,
        action: Attempted,
        on: Option<AttemptedOn>,
    ) {
        self.attempts.take(Attempt {
            at: self.now(),
            by,
            team: Some(team),
            action,
            on,
            why: NotAllowed::OtherWorkspace,
            rules: Vec::new(),
        });
    }

    /// Notes that `action` was refused, if it was for want of authority; once for each intent.
    pub(super) fn note_refused(
        &self,
        intent: &Intent,
        action: Attempted,
        on: Option<AttemptedOn>,
        refusal: &Refusal,
    ) {
        if NotAllowed::of(refusal).is_some() && intent.is_first_refusal() {
            self.note_refused_to(intent.by(), action, on, refusal);
        }
    }

    /// What came of `action` on a request; if it was refused for want of authority, it is noted.
    pub(super) fn noted<T>(
        &self,
        intent: &Intent,
        action: Attempted,
        request: &Request,
        outcome: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let note = |refusal: &Refusal| {
            self.note_refused(intent, action, attempted_on(request), refusal);
        };
        outcome.inspect_err(note)
    }

    /// The change that `command` makes of a request as `action`, alone in a commit; a refusal is
    /// [noted](Self::noted).
    pub(super) fn change_alone(
        &self,
        intent: &Intent,
        action: Attempted,
        request: &Request,
        command: Command,
    ) -> Result<(Request, Commit), Refusal> {
        let change = self.change(request, command);
        self.noted(intent, action, request, change)
            .map(single_change)
    }

    /// The same as [`note_refused`](Self::note_refused) for what has no intent.
    pub(super) fn note_refused_to(
        &self,
        by: &UserId,
        action: Attempted,
        on: Option<AttemptedOn>,
        refusal: &Refusal,
    ) {
        let Some(why) = NotAllowed::of(refusal) else {
            return;
        };
        let rules = match refusal {
            Refusal::Forbidden(rulings) => rulings.iter().map(|it| it.rule.clone()).collect(),
            _ => Vec::new(),
        };
        self.attempts.take(Attempt {
            at: self.now(),
            by: by.clone(),
            team: None,
            action,
            on,
            why,
            rules,
        });
    }

    /// Writes attempts until `shutdown`, and then those that wait.
    pub async fn write_attempts(&self, shutdown: CancellationToken) {
        while let Some(attempt) = shutdown.run_until_cancelled(self.attempts.next()).await {
            while let Err(error) = self.write_attempt(&attempt).await {
                tracing::warn!(%error, "failed to record a refused attempt; Keylend retries");
                let pause = self.parts.clock.until(PAUSE.after(self.now()));
                if shutdown.run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
        }
        while let Some(attempt) = self.attempts.pop() {
            if let Err(error) = self.write_attempt(&attempt).await {
                tracing::warn!(%error, "failed to record a refused attempt; it is missing from the log");
                return;
            }
        }
    }

    async fn write_attempt(&self, attempt: &Attempt) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let is_outsider = attempt.team.is_some();
            let next = self.notes.read(&*self.store, |notes| {
                let next = notes.next_attempt(&attempt.by, is_outsider, attempt.at);
                (next, notes.last_seq())
            });
            let (next, last_seq) = next.await?;
            let until = ATTEMPTS_WITHIN.after(attempt.at);
            let (actor, rules, event) = match next {
                NextAttempt::Dropped => return Ok(()),
                NextAttempt::Recorded => {
                    let event = AttemptEvent::AttemptRefused {
                        action: attempt.action,
                        on: attempt.on.clone(),
                        why: attempt.why,
                        team: attempt.team.clone(),
                    };
                    let actor = Actor::Person(attempt.by.clone());
                    (actor, attempt.rules.clone(), event)
                }
                NextAttempt::LastOfOne => {
                    let team = attempt.team.clone();
                    let event = AttemptEvent::AttemptsNotRecorded { until, team };
                    (Actor::Person(attempt.by.clone()), Vec::new(), event)
                }
                NextAttempt::LastOfOutsiders => {
                    let event = AttemptEvent::AttemptsNotRecorded { until, team: None };
                    (Actor::Keylend, Vec::new(), event)
                }
            };
            let record = Record {
                at: attempt.at,
                request: None,
                actor,
                rules,
                body: EntryBody::Attempt(event),
            };
            match self.note(record, last_seq).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }

    /// Writes an entry that no decision rests on, unless another without a request came since `last_seq`.
    pub(super) async fn note(&self, record: Record, last_seq: u64) -> Result<(), CommitError> {
        let note = Some(Note { record, last_seq });
        let commit = Commit {
            note,
            ..Commit::default()
        };
        self.commit(None, None, commit).await.map(drop)
    }
}

/// An attempt on this request.
pub(super) fn attempted_on(request: &Request) -> Option<AttemptedOn> {
    Some(AttemptedOn::Request {
        id: request.id,
        scope: Some(request.terms.scope.clone()),
    })
}
