//! The start of what was approved in advance: it is decided on once more, as at the last approval.

use std::collections::BTreeSet;

use super::{Broker, Error, approve::voters, end::ended_by_lock, facts::Question, single_change};
use crate::{
    domain::{
        Actor, ApprovalFacts, Command, Event, Human, Parties, Refusal, Request, RequestId,
        TicketProblem,
    },
    policy::Action,
    store::{Commit, DecidedOn},
};

/// A request that still holds at its start.
struct StillHolds {
    command: Command,
    /// What has to end with it.
    displaced: BTreeSet<RequestId>,
    decided_on: DecidedOn,
}

impl Broker {
    /// Lets what was approved in advance start, if it still holds on fresh facts and today's rules: its
    /// approvals, and what its requester may receive. Otherwise it ends without having been granted.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotDue`] if it does not wait for its start, or why that is not known; nothing has changed.
    pub(crate) async fn start(&self, id: RequestId) -> Result<(), Error> {
        let started = self.settle(None, id, |request| self.start_once(request));
        started.await.map(drop)
    }

    async fn start_once(&self, request: Request) -> Result<(Request, Commit), Error> {
        if !request.waits_for_start() {
            return Err(Refusal::NotDue.into());
        }
        if let Some(lock) = self.lock_over(&request).await? {
            return Ok(single_change(self.change(&request, ended_by_lock(&lock))?));
        }
        let holds = match self.still_holds(&request).await {
            Ok(holds) => holds,
            Err(Error::Refused(refusal)) if !may_pass(&refusal) => {
                let command = refused(&refusal);
                return Ok(single_change(self.change(&request, command)?));
            }
            Err(error) => return Err(error),
        };
        let change = self.change(&request, holds.command)?;
        let mut events = change.events().iter();
        if !events.any(|occurred| matches!(occurred.event, Event::Started { .. })) {
            return Ok(single_change(change));
        }
        let after = change.after().clone();
        let mut changes = self.end_displaced(&holds.displaced, request.id).await?;
        changes.push(change);
        let commit = Commit {
            changes,
            decided_on: Some(holds.decided_on),
            ..Commit::default()
        };
        Ok((after, commit))
    }

    /// What starts the request, if its requester may still receive it. Whether its approvals are still
    /// enough, the domain decides.
    async fn still_holds(&self, request: &Request) -> Result<StillHolds, Error> {
        let seq = self.begin_decision().await?;
        if request.texts_missing {
            return Err(Refusal::TextsMissing.into());
        }
        let scope = self.scope(&request.terms.scope)?;
        let requester = self.person(&request.requester, Some(scope)).await?;
        let human: Human = request.human.clone().with(&requester.human);
        let locks = self.locks().await?;
        let held = self.held(request, &human).await?;
        let duration = request.approved_duration();
        let question = Question {
            scope: Some(scope),
            requester: &request.requester,
            human: &human,
            duration,
            total: duration,
            is_extension: false,
            ticket: request.terms.ticket.as_deref(),
            incident: request.is_for_incident(),
            locks: &locks,
            count: &held.count,
        };
        let (votes, stages) = self.votes(request, scope, &question).await?;
        let mut people = vec![human.clone()];
        people.extend(voters(&votes));
        self.check_people(&people).await?;
        let mut approvals = request.approvals.iter();
        if approvals.any(|approval| matches!(approval.by, Actor::Rule(_))) {
            self.authorize(Action::AutoApprove, &requester, &question)?;
        }
        self.authorize(Action::Receive, &requester, &question)?;
        let ticket = request.terms.ticket.as_deref();
        let ticket_read = self.open_ticket(scope, ticket, &requester).await?;
        self.keeps_name(request, &requester, &human).await?;
        let command = Command::Start {
            terms: request.terms.revised(scope),
            approvals_needed: scope.approvals.get(),
            stages: scope.stages.clone(),
            parties: Parties {
                requester: human.clone(),
                votes,
                stages,
                ..Parties::default()
            },
            after: held.displaced.iter().copied().collect(),
            facts: ApprovalFacts {
                ticket_read,
                ..self.approval_facts(&requester, &question)
            },
        };
        Ok(StillHolds {
            command,
            displaced: held.displaced,
            decided_on: DecidedOn {
                seq,
                people,
                holder: Some(human),
                name: Some(request.username.folded()),
                ..DecidedOn::default()
            },
        })
    }
}

/// Whether a refusal says that something is not known, and may be soon.
fn may_pass(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::GroupsUnavailable(_)
            | Refusal::Ticket(TicketProblem::Unavailable(_) | TicketProblem::Stale)
    )
}

/// The command that ends a request at its start for this reason.
fn refused(refusal: &Refusal) -> Command {
    let (rules, reason) = match refusal {
        Refusal::Forbidden(rulings) if rulings.is_empty() => {
            (Vec::new(), "no rule allows it any more".to_owned())
        }
        Refusal::Forbidden(rulings) => {
            let reasons = rulings.iter().map(|ruling| match ruling.reason.trim() {
                "" => ruling.rule.as_str(),
                reason => reason.trim_end_matches('.'),
            });
            let reasons: Vec<&str> = reasons.collect();
            let rules = rulings.iter().map(|ruling| ruling.rule.clone());
            (rules.collect(), reasons.join("; "))
        }
        Refusal::Ticket(problem) => (Vec::new(), problem.to_string()),
        refusal => (Vec::new(), refusal.to_string()),
    };
    Command::RefuseStart { rules, reason }
}
