//! Asking for access.

use super::{
    Broker, Error,
    error::ATTEMPTS,
    facts::{Count, Question},
};
use crate::{
    domain::{
        Actor, AskKey, ChannelId, Command, Event, Occurred, Parties, Person, PlannedGrant,
        ReasonRule, Refusal, Request, RequestId, RuleId, Scope, ScopeId, Span, Terms, UserId,
        decide, open,
    },
    policy::Action,
    store::{Change, Commit, CommitError, DecidedOn},
};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What Slack names only once: asked twice, the request is made once.
    pub key: AskKey,
    /// Who asks.
    pub by: UserId,
    /// What for.
    pub scope: ScopeId,
    /// For how long; the scope's default if they did not say.
    pub duration: Option<Span>,
    /// Under which ticket.
    pub ticket: Option<String>,
    /// Why, in their words.
    pub reason: String,
    /// The incident channels that follow it.
    pub mirrors: Vec<ChannelId>,
}

impl Broker {
    /// Asks. Asked twice with the same key, the second answer is the first request. Where a rule
    /// approves in a person's place, the answer is approved already.
    ///
    /// # Errors
    ///
    /// Why it cannot be asked for; nothing was written.
    pub async fn ask(&self, ask: Ask) -> Result<Request, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(id) = self.store.asked(&ask.key).await? {
                let made = self.load(id).await?.request;
                return match made.requester == ask.by {
                    true => Ok(made),
                    false => Err(Refusal::NameTaken.into()),
                };
            }
            let (after, commit) = self.ask_once(&ask).await?;
            // What makes it one request is its own key, which lasts longer than a delivery's.
            match self.commit(None, None, commit).await {
                Ok(_) => return Ok(after),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }

    async fn ask_once(&self, ask: &Ask) -> Result<(Request, Commit), Error> {
        let seq = self.begin_decision().await?;
        let id = self.new_id();
        let scope = self.scope(&ask.scope)?;
        let requester = self.person(&ask.by, Some(scope)).await?;
        let duration = ask.duration.unwrap_or(scope.default_duration);
        let locks = self.locks().await?;
        let human = requester.human.clone();
        let people = vec![human.clone()];
        self.check_people(&people).await?;
        let open_requests = self.open_requests(&human).await?;
        let displaced = self.displaced(&open_requests, id);
        let count = Count::of(&open_requests, &displaced);
        let question = Question {
            scope: Some(scope),
            requester: &ask.by,
            human: &human,
            duration,
            total: duration,
            is_extension: false,
            ticket: ask.ticket.as_deref(),
            locks: &locks,
            count: &count,
        };
        let rules = self.judge(Action::Request, &requester, &question)?;
        let first = self.requested(ask, scope, &requester, duration, rules)?;
        let username = requester
            .username
            .as_ref()
            .map_err(|error| Refusal::NoUsername(error.clone()))?;
        self.admit(username, &human).await?;

        let request = open(id, &first);
        let mut approval = Vec::new();
        let mut commit = Commit::default();
        if let Some(rule) = self.rule_that_approves(&requester, &question)
            && displaced.is_empty()
        {
            let command = Command::Approve {
                by: Actor::Rule(rule.clone()),
                rules: vec![rule],
                revision: request.revision,
                parties: Parties {
                    requester: human.clone(),
                    ..Parties::default()
                },
                grant: PlannedGrant {
                    layers: self.plan(&request, scope),
                    after: Vec::new(),
                    facts: self.approval_facts(&requester, &question),
                },
            };
            approval = decide(&request, command, self.now())?;
            commit.decided_on = Some(DecidedOn {
                seq,
                people,
                holder: Some(human.clone()),
                name: Some(username.folded()),
            });
        }
        let change = Change::first(id, first, approval);
        let request = change.after().clone();
        commit.changes.push(change);
        Ok((request, commit))
    }

    /// A name that is taken is a conflict, and the next try has another.
    fn new_id(&self) -> RequestId {
        let mut random = [0; 4];
        self.parts.entropy.fill(&mut random);
        RequestId::new(self.now(), u32::from_be_bytes(random))
    }

    /// The first event, if what was asked is complete.
    fn requested(
        &self,
        ask: &Ask,
        scope: &Scope,
        requester: &Person,
        duration: Span,
        rules: Vec<RuleId>,
    ) -> Result<Occurred, Refusal> {
        let min = self.parts.limits.min_duration;
        if duration < min {
            return Err(Refusal::TooShort {
                asked: duration,
                min,
            });
        }
        if scope.reason == ReasonRule::Required && ask.reason.trim().is_empty() {
            return Err(Refusal::ReasonMissing);
        }
        let event = Event::Requested {
            ask_key: ask.key.clone(),
            requester: ask.by.clone(),
            human: requester.human.clone(),
            email: requester.email.clone().ok_or(Refusal::NoEmail)?,
            username: requester.username.clone().map_err(Refusal::NoUsername)?,
            terms: Terms {
                scope: scope.id.clone(),
                title: scope.title.clone(),
                environment: scope.environment.clone(),
                risk: scope.risk,
                duration,
                reason: ask.reason.trim().to_owned(),
                ticket: ask.ticket.clone(),
                layers: scope.layers.clone(),
                residual: scope.residual,
                ends_early: scope.ends_early,
                dangerous: scope.dangerous,
            },
            approvals_needed: scope.approvals.get(),
            approval_channel: scope.approval_channel.clone(),
            mirrors: ask.mirrors.clone(),
            lapses_at: self.parts.limits.pending_timeout.after(self.now()),
        };
        Ok(Occurred {
            at: self.now(),
            actor: Actor::Person(ask.by.clone()),
            rules,
            event,
        })
    }

    /// The rule that approves in a person's place, if one does and nothing stands against the
    /// grant. A rule that cannot be evaluated approves nothing.
    pub(super) fn rule_that_approves(
        &self,
        requester: &Person,
        question: &Question<'_>,
    ) -> Option<RuleId> {
        let rules = self.judge(Action::AutoApprove, requester, question).ok()?;
        self.judge(Action::Receive, requester, question).ok()?;
        rules.into_iter().next()
    }
}
