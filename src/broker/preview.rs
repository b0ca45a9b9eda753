//! What becomes of a request, for whoever is about to make it: the checks of [`Broker::ask`] that do not
//! depend on its reason, and nothing is written. What is decided is decided when they ask.

use super::{
    Broker, Error,
    facts::{Count, Question},
};
use crate::{
    domain::{Refusal, RequestId, RuleId, Scope, Span, UserId},
    policy::Action,
};

/// A request that is not made yet.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// Who would ask.
    pub by: &'a UserId,
    /// What for.
    pub scope: &'a Scope,
    /// For how long.
    pub duration: Span,
    /// Under which ticket. Without one, a scope that requires a ticket is taken to get one that it takes.
    pub ticket: Option<&'a str>,
    /// Whether it would be mirrored in an incident channel.
    pub is_for_incident: bool,
    /// Whether it would start later than at its approval.
    pub is_later: bool,
}

/// What becomes of a request if it is made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preview {
    /// This rule approves it at once.
    Approved(RuleId),
    /// Its approvers are asked.
    Asked,
}

impl Broker {
    /// What becomes of a request if it is made now. Neither the metrics nor the log of refused attempts count
    /// it, and no ticket is looked up.
    ///
    /// # Errors
    ///
    /// Why it would be refused, or why that is not known.
    pub async fn preview(&self, proposal: Proposal<'_>) -> Result<Preview, Error> {
        let Proposal {
            by,
            scope,
            duration,
            ticket,
            is_for_incident,
            is_later,
        } = proposal;
        self.begin_decision().await?;
        let requester = self.person(by, Some(scope)).await?;
        let human = &requester.human;
        self.check_people(std::slice::from_ref(human)).await?;
        let locks = self.locks().await?;
        let open = self.open_requests(human).await?;
        // It has no id yet, so none of what is open is itself.
        let displaced = self.displaced(&open, RequestId::new(self.now(), 0));
        let count = Count::of(&open, &displaced);
        let question = Question {
            scope: Some(scope),
            requester: by,
            human,
            duration,
            total: duration,
            is_extension: false,
            ticket,
            incident: is_for_incident,
            locks: &locks,
            count: &count,
        };
        let requires_ticket = scope.ticket.as_ref().is_some_and(|rule| rule.required);
        let allowed = |action| match ticket {
            None if requires_ticket => self.would_allow_with_ticket(action, &requester, &question),
            _ => self.would_allow(action, &requester, &question),
        };
        allowed(Action::Request)?;
        let min = self.parts.limits.min_duration;
        if duration < min {
            let asked = duration;
            return Err(Refusal::TooShort { asked, min }.into());
        }
        if requester.email.is_none() {
            return Err(self.without_email(Refusal::NoEmail).into());
        }
        let username = requester
            .username
            .as_ref()
            .map_err(|error| Refusal::NoUsername(error.clone()))?;
        self.admit(username, human).await?;
        self.check_rate(human).await?;
        let approved = allowed(Action::AutoApprove)
            .ok()
            .filter(|_| allowed(Action::Receive).is_ok());
        let rule = approved.and_then(|rules| rules.into_iter().next());
        if rule.is_none() || is_later {
            self.check_pending(&scope.id, &open)?;
        }
        Ok(rule.map_or(Preview::Asked, Preview::Approved))
    }
}
