//! Gathering what a rule is asked about: fresh, or not at all.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::{Broker, Error, groups::whichever};
use crate::{
    domain::{
        ApprovalFacts, Environment, GroupName, Human, Lock, Person, Refusal, RequestId, RuleId,
        Ruling, Scope, Span, Standing, UserId,
    },
    policy::{Action, Facts, TicketFact},
    store::OpenRequest,
};

/// The alert that the Slack app may not read addresses.
const EMAILS_UNREADABLE: &str = "slack_scope_missing:users:read.email";

/// What a person holds, as the rules count it.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// How many grants.
    pub held: u32,
    /// In which environments.
    pub environments: BTreeSet<Environment>,
}

impl Count {
    /// Counts what is held of what is `open`, without the requests of `except`.
    pub(super) fn of(open: &[OpenRequest], except: &BTreeSet<RequestId>) -> Self {
        let mut count = Self::default();
        let counted = |request: &&OpenRequest| request.is_held && !except.contains(&request.id);
        for request in open.iter().filter(counted) {
            count.held += 1;
            count.environments.extend(request.environment.clone());
        }
        count
    }
}

/// What is asked for, as the rules see it.
pub(super) struct Question<'a> {
    /// Nothing for a lock of a person or of everything, and for a scope that has left the
    /// catalogue.
    pub scope: Option<&'a Scope>,
    pub requester: &'a UserId,
    /// Every identity of the requester, as far as it is known.
    pub human: &'a Human,
    /// From now on, with what is left of a grant that is extended.
    pub duration: Span,
    /// From the grant's approval on, with its extensions.
    pub total: Span,
    pub is_extension: bool,
    pub ticket: Option<&'a str>,
    /// Whether it was asked for in or for an incident.
    pub incident: bool,
    pub locks: &'a [Lock],
    pub count: &'a Count,
}

impl<'a> Question<'a> {
    /// A question about nothing but authority.
    pub(super) fn of_authority(
        scope: Option<&'a Scope>,
        requester: &'a UserId,
        human: &'a Human,
    ) -> Self {
        static NOTHING: Count = Count {
            held: 0,
            environments: BTreeSet::new(),
        };
        let duration = Span::seconds(0);
        Self {
            scope,
            requester,
            human,
            duration,
            total: duration,
            is_extension: false,
            ticket: None,
            incident: false,
            locks: &[],
            count: &NOTHING,
        }
    }
}

impl Broker {
    /// Who this is, on fresh facts, with the groups that matter for `scope` as far as they can be
    /// known.
    pub(super) async fn person(&self, id: &UserId, scope: Option<&Scope>) -> Result<Person, Error> {
        let mut groups: BTreeSet<&GroupName> = self
            .parts
            .administrators
            .iter()
            .chain(&self.named_groups)
            .collect();
        if let Some(scope) = scope {
            groups.extend(scope.requesters.iter().chain(&scope.approvers));
        }
        let mut person = self.parts.directory.person(id, &groups).await?;
        self.note_groups(&groups, &person.unknown_groups);
        person.human = self.known(person.human).await?;
        Ok(person)
    }

    /// Refuses anybody who is not a full member of this workspace, on fresh facts.
    ///
    /// # Errors
    ///
    /// [`Refusal::Forbidden`] by the rule `members-only`, or [`Error::Facts`].
    pub async fn member(&self, id: &UserId) -> Result<Person, Error> {
        let person = self.parts.directory.person(id, &BTreeSet::new()).await?;
        if person.standing == Standing::Member {
            return Ok(person);
        }
        let rule = RuleId::new("members-only");
        let reason = self
            .parts
            .policy
            .reason(&rule)
            .unwrap_or_default()
            .to_owned();
        Err(Refusal::Forbidden(vec![Ruling { rule, reason }]).into())
    }

    /// The time zone that a person set in Slack, if it is known.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`].
    pub async fn time_zone(&self, id: &UserId) -> Result<Option<Tz>, Error> {
        Ok(self.parts.directory.time_zone(id).await?)
    }

    /// The time zone that the rules go by.
    pub fn policy_zone(&self) -> Tz {
        self.parts.policy.time_zone()
    }

    /// Why somebody has no address that counts: `theirs`, unless nobody has one.
    pub(super) fn without_email(&self, theirs: Refusal) -> Refusal {
        match self.parts.alerts.raised().contains_key(EMAILS_UNREADABLE) {
            true => Refusal::EmailsUnreadable,
            false => theirs,
        }
    }

    /// Refuses somebody who decides, and has no address that counts.
    pub(super) fn check_decider_email(&self, person: &Person) -> Result<(), Refusal> {
        match person.email {
            Some(_) => Ok(()),
            None => Err(self.without_email(Refusal::NoDeciderEmail)),
        }
    }

    /// Asks the policy about something that somebody does. Answers the rules that allowed it. Writes what
    /// the rules would have refused that only report to the process's log.
    ///
    /// # Errors
    ///
    /// Why not; [`Refusal::GroupsUnavailable`] if that depends on groups that are unknown.
    pub(super) fn authorize(
        &self,
        action: Action,
        principal: &Person,
        question: &Question<'_>,
    ) -> Result<Vec<RuleId>, Refusal> {
        let rules = self.would_allow(action, principal, question)?;
        if !self.parts.policy.has_report_only() {
            return Ok(rules);
        }
        let facts = self.facts(principal, question);
        for rule in self.parts.policy.would_forbid(action, &facts) {
            tracing::info!(
                rule = rule.as_str(),
                action = action.name(),
                principal = principal.id.as_str(),
                scope = question.scope.map(|scope| scope.id.as_str()),
                "a report-only rule would have refused this"
            );
            self.parts.metrics.would_refuse();
        }
        Ok(rules)
    }

    /// Asks the policy what somebody could do, without anybody doing it. Answers the rules that allow it.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    pub(super) fn would_allow(
        &self,
        action: Action,
        principal: &Person,
        question: &Question<'_>,
    ) -> Result<Vec<RuleId>, Refusal> {
        self.would_allow_given(action, principal, question, None)
    }

    /// The same, as if a ticket were given that the scope takes: for a request whose ticket is still to be
    /// typed.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    pub(super) fn would_allow_with_ticket(
        &self,
        action: Action,
        principal: &Person,
        question: &Question<'_>,
    ) -> Result<Vec<RuleId>, Refusal> {
        self.would_allow_given(action, principal, question, Some(TicketFact::Given))
    }

    /// `ticket` replaces the question's, if there is one.
    fn would_allow_given(
        &self,
        action: Action,
        principal: &Person,
        question: &Question<'_>,
        ticket: Option<TicketFact>,
    ) -> Result<Vec<RuleId>, Refusal> {
        let authorize =
            |principal: &Person| self.authorize_one(action, principal, question, ticket);
        if principal.unknown_groups.is_empty() {
            return authorize(principal);
        }
        let mut principal = principal.clone();
        let scope = question.scope;
        principal.unknown_groups.retain(|group, _| {
            let of_scope =
                |scope: &Scope| scope.requesters.contains(group) || scope.approvers.contains(group);
            self.parts.administrators.contains(group)
                || scope.is_some_and(of_scope)
                || self.parts.policy.names_group(action, group)
        });
        whichever(&principal, authorize)
    }

    fn authorize_one(
        &self,
        action: Action,
        principal: &Person,
        question: &Question<'_>,
        ticket: Option<TicketFact>,
    ) -> Result<Vec<RuleId>, Refusal> {
        let mut facts = self.facts(principal, question);
        facts.ticket = ticket.unwrap_or(facts.ticket);
        let verdict = self.parts.policy.evaluate(action, &facts);
        if let Err(Refusal::RuleError(error)) = &verdict {
            tracing::error!(
                action = action.name(), %error,
                "failed to evaluate a rule; the answer is no: fix the rule"
            );
        }
        verdict
    }

    /// The facts for the policy, as of now.
    fn facts<'a>(&'a self, principal: &'a Person, question: &Question<'a>) -> Facts<'a> {
        let Question {
            scope,
            requester,
            human,
            duration,
            total,
            is_extension,
            ticket,
            incident,
            locks,
            count,
        } = question;
        let pattern = scope
            .and_then(|scope| scope.ticket.as_ref())
            .map(|rule| &rule.pattern);
        Facts {
            principal,
            requester,
            requester_human: human,
            scope: *scope,
            administrators: &self.parts.administrators,
            duration: *duration,
            total: *total,
            is_extension: *is_extension,
            ticket: TicketFact::of(*ticket, pattern),
            locked: scope.is_some_and(|scope| locks.iter().any(|lock| lock.covers(human, scope))),
            principal_locked: locks.iter().any(|lock| lock.is_of(&principal.human)),
            held: count.held,
            cap: self.parts.limits.max_active_per_person,
            excluded_by: self.excluded_by(question),
            incident: *incident,
            now: self.now(),
        }
    }

    /// What an approval now depends on, to be kept with it.
    pub(super) fn approval_facts(
        &self,
        requester: &Person,
        question: &Question<'_>,
    ) -> ApprovalFacts {
        ApprovalFacts {
            at: self.now(),
            held: question.count.held,
            excluded_by: self.excluded_by(question),
            groups: requester.groups.clone(),
            ticket_read: None,
        }
    }

    /// The environments that the requester is in and that exclude the scope's.
    fn excluded_by(&self, question: &Question<'_>) -> BTreeSet<Environment> {
        let held = &question.count.environments;
        let environment = question.scope.and_then(|scope| scope.environment.as_ref());
        environment
            .map(|environment| self.parts.limits.excluded_by(environment, held))
            .unwrap_or_default()
    }

    /// Every identity of somebody who acts on another's behalf or their own, on fresh facts; nothing
    /// is asked where they are `requester` by their id already.
    pub(super) async fn human_beside(
        &self,
        id: &UserId,
        requester: &UserId,
    ) -> Result<Human, Error> {
        if id == requester {
            return Ok(Human::new(id, None));
        }
        self.person(id, None).await.map(|person| person.human)
    }

    /// Every identity of this id that the configuration and the log have. Asks nobody.
    pub(super) async fn human_recorded(&self, id: &UserId) -> Result<Human, Error> {
        self.known(self.parts.directory.human(id, None)).await
    }

    /// Every identity of this id that is recorded, and those that Slack knows if it answers; and
    /// whether it did.
    pub(super) async fn human_known(&self, id: &UserId) -> Result<(Human, bool), Error> {
        match self.parts.directory.person(id, &BTreeSet::new()).await {
            Ok(person) => Ok((self.known(person.human).await?, true)),
            Err(error) => {
                tracing::warn!(%error, "failed to read a person's identities; using the recorded ones");
                Ok((self.human_recorded(id).await?, false))
            }
        }
    }

    /// The oldest grants that have to end so that one more fits under the cap; none where the
    /// configuration refuses instead. What only a time limit ends makes no room.
    pub(super) fn displaced(&self, open: &[OpenRequest], except: RequestId) -> BTreeSet<RequestId> {
        use crate::domain::OnLimit;

        let cap = usize::try_from(self.parts.limits.max_active_per_person).unwrap_or(usize::MAX);
        let held: Vec<&OpenRequest> = open
            .iter()
            .filter(|request| request.is_held && request.id != except)
            .collect();
        match self.parts.limits.on_limit {
            OnLimit::Refuse => BTreeSet::new(),
            OnLimit::EndOldest if cap == 0 => BTreeSet::new(),
            OnLimit::EndOldest => held
                .iter()
                .filter(|request| request.ends_early)
                .take((held.len() + 1).saturating_sub(cap))
                .map(|request| request.id)
                .collect(),
        }
    }
}
