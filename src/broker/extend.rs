//! Asking for more time.

use super::{Broker, Error, Intent, facts::Question};
use crate::{
    domain::{
        Actor, Attempted, Command, More, Parties, PlannedGrant, Refusal, Request, RequestId,
        Ruling, Scope, Span, decide,
    },
    policy::Action,
    store::{Change, Commit, DecidedOn},
};

impl Broker {
    /// Asks for more time: the scope's default, if `duration` does not say. The grant goes on as
    /// it is until an approver answers. Where a rule approves in a person's place, the answer is
    /// extended already. `reason` may be empty. Asked for otherwise while the question waits, it is
    /// another question.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn extend(
        &self,
        intent: &Intent,
        id: RequestId,
        duration: Option<Span>,
        reason: &str,
    ) -> Result<Request, Error> {
        self.settle(Some(intent), id, |request| {
            self.extend_once(intent, request, duration, reason)
        })
        .await
    }

    /// Takes the question for more time back.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn withdraw_extension(
        &self,
        intent: &Intent,
        id: RequestId,
    ) -> Result<Request, Error> {
        let by = intent.by();
        self.settle(Some(intent), id, async |request| {
            let human = self.human_beside(by, &request.requester).await?;
            let by = by.clone();
            let command = Command::WithdrawExtension { by, human };
            Ok(self.change_alone(intent, Attempted::Withdraw, &request, command)?)
        })
        .await
    }

    /// How much more time may be asked for now, in whole minutes; nothing if less than the shortest
    /// duration.
    ///
    /// # Errors
    ///
    /// If the scope is not in the catalogue any more.
    pub fn more_that_fits(&self, request: &Request) -> Result<Option<Span>, Error> {
        Ok(self.fits(request, self.scope(&request.terms.scope)?))
    }

    fn fits(&self, request: &Request, scope: &Scope) -> Option<Span> {
        let nothing = Span::default();
        let within = |most: Span, taken: Span| most.as_seconds().saturating_sub(taken.as_seconds());
        let seconds = within(scope.max_duration, self.with_what_is_left(request, nothing))
            .min(within(scope.max_total, total(request, nothing)));
        let fits = Span::minutes(seconds / 60);
        (fits >= self.parts.limits.min_duration && fits > nothing).then_some(fits)
    }

    /// How much more time may be asked for; nothing if none will ever fit.
    pub(super) fn more(&self, request: &Request, scope: &Scope) -> Option<More> {
        if request.extension.is_some() {
            return Some(More::IsPending);
        }
        if let Some(fits) = self.fits(request, scope) {
            return Some(More::Fits(fits));
        }
        let shortest = self.parts.limits.min_duration.max(Span::minutes(1));
        (total(request, shortest) <= scope.max_total).then_some(More::Later)
    }

    async fn extend_once(
        &self,
        intent: &Intent,
        request: Request,
        duration: Option<Span>,
        reason: &str,
    ) -> Result<(Request, Commit), Error> {
        let by = intent.by();
        let seq = self.begin_decision().await?;
        let scope = self.scope(&request.terms.scope)?;
        let duration = duration.unwrap_or(scope.default_duration);
        let min = self.parts.limits.min_duration;
        if duration < min {
            return Err(Refusal::TooShort {
                asked: duration,
                min,
            }
            .into());
        }
        let person = self.person(by, Some(scope)).await?;
        let asker = request.human.clone().with(&person.human);
        let people = vec![asker.clone()];
        self.check_people(&people).await?;
        let held = self.held(&request, &asker).await?;
        let question = Question {
            scope: Some(scope),
            requester: &request.requester,
            human: &asker,
            duration: self.with_what_is_left(&request, duration),
            total: total(&request, duration),
            is_extension: true,
            ticket: request.terms.ticket.as_deref(),
            incident: request.is_for_incident(),
            locks: &self.locks().await?,
            count: &held.count,
        };
        let rules = self.authorize(Action::Extend, &person, &question);
        let rules = self
            .noted(intent, Attempted::Extend, &request, rules)
            .map_err(|refusal| self.says_what_fits(refusal, &request, scope, duration))?;
        let command = Command::RequestExtension {
            by: by.clone(),
            human: person.human.clone(),
            rules,
            duration,
            lapses_at: self.parts.limits.pending_timeout.after(self.now()),
            reason: reason.to_owned(),
        };
        let change = self.change(&request, command);
        let mut change = self.noted(intent, Attempted::Extend, &request, change)?;
        self.open_ticket_to_ask(scope, question.ticket, &person)
            .await?;
        let mut commit = Commit::default();
        // A rule speaks of who receives the access. Of another account of theirs, people decide.
        if *by == request.requester
            && let Some(rule) = self.rule_that_approves(&person, &question)
        {
            self.keeps_name(&request, &person, &asker).await?;
            let rules = vec![rule.clone()];
            let command = Command::Approve {
                by: Actor::Rule(rule),
                parties: Parties {
                    requester: asker.clone(),
                    groups: self.groups_by_which(&rules, scope, &person),
                    ..Parties::default()
                },
                rules,
                revision: change.after().revision,
                grant: PlannedGrant::default(),
            };
            let mut events = change.events().to_vec();
            events.extend(decide(change.after(), command, self.now())?);
            change = Change::of(request, events);
            commit.decided_on = Some(DecidedOn {
                seq,
                people,
                ..DecidedOn::default()
            });
        }
        let after = change.after().clone();
        commit.changes.push(change);
        Ok((after, commit))
    }

    /// How long the requester would have access from now on if the request were approved now: of an
    /// extension, what is left and what is added together.
    pub(super) fn decided_duration(&self, request: &Request) -> Span {
        match &request.extension {
            Some(extension) => self.with_what_is_left(request, extension.duration),
            None => request.terms.duration,
        }
    }

    fn with_what_is_left(&self, request: &Request, more: Span) -> Span {
        let now = self.now();
        Span::between(now, request.expires_at.unwrap_or(now)).and(more)
    }

    /// The refusal that says what would be allowed, if nothing but the length of the extension is
    /// against it.
    fn says_what_fits(
        &self,
        refusal: Refusal,
        request: &Request,
        scope: &Scope,
        asked: Span,
    ) -> Refusal {
        let too_long =
            |ruling: &Ruling| ["max-duration", "max-total"].contains(&ruling.rule.as_str());
        match &refusal {
            Refusal::Forbidden(rulings) if rulings.iter().all(too_long) => {}
            _ => return refusal,
        }
        Refusal::ExtensionTooLong {
            asked,
            fits: self.fits(request, scope),
        }
    }
}

/// How long the grant would last from its approval on if the request were approved now, with all its
/// extensions.
pub(super) fn decided_total(request: &Request) -> Span {
    match &request.extension {
        Some(extension) => total(request, extension.duration),
        None => request.terms.duration,
    }
}

/// How long the grant would last from its approval on with so much more time.
fn total(request: &Request, more: Span) -> Span {
    let approved_at = request.facts.at;
    let end = request.expires_at.unwrap_or(approved_at);
    Span::between(approved_at, end).and(more)
}
