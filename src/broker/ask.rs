//! Asking for access.

use super::{
    Broker, Error,
    error::ATTEMPTS,
    facts::{Count, Question},
};
use crate::{
    domain::{
        Actor, ApprovalFacts, AskKey, Attempted, AttemptedOn, ChannelId, Command, Event, Human,
        Occurred, Parties, Person, PlannedGrant, ReasonRule, Refusal, Request, RequestId, RuleId,
        Scope, ScopeId, Span, State, Terms, Time, UserId, decide, open,
    },
    policy::Action,
    store::{Change, Commit, CommitError, DecidedOn, LATELY, OpenRequest},
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
    /// When access is to start; nothing if that is at its approval.
    pub starts_at: Option<Time>,
}

/// How access is granted that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Approvers decide, or a rule in their place.
    Approval,
    /// At once, and reviewed afterwards.
    BreakGlass,
}

/// Whether nothing is against a request but how much its requester holds.
fn is_allowed_but_for_the_cap(authorized: &Result<Vec<RuleId>, Refusal>) -> bool {
    match authorized {
        Ok(_) => true,
        Err(Refusal::Forbidden(rulings)) => {
            let mut rulings = rulings.iter().map(|ruling| ruling.rule.as_str());
            rulings.all(|rule| rule == "holdings-cap")
        }
        Err(_) => false,
    }
}

impl Broker {
    /// Asks. Asked twice with the same key, the second answer is the first request. Where a rule
    /// approves in a person's place, the answer is approved already.
    ///
    /// # Errors
    ///
    /// Why it cannot be asked for; nothing was written.
    pub async fn ask(&self, ask: Ask) -> Result<Request, Error> {
        self.ask_by(ask, Way::Approval).await
    }

    pub(super) async fn ask_by(&self, ask: Ask, way: Way) -> Result<Request, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(id) = self.store.asked(&ask.key).await? {
                let made = self.load(id).await?.request;
                return match made.requester == ask.by {
                    true => Ok(made),
                    false => Err(Refusal::NameTaken.into()),
                };
            }
            let (after, commit) = match self.ask_once(&ask, way).await {
                // What stands against it may be itself, made by a second delivery meanwhile.
                Err(_) if self.store.asked(&ask.key).await?.is_some() => continue,
                asked => asked?,
            };
            // What makes it one request is its own key, which lasts longer than a delivery's.
            match self.commit(None, None, commit).await {
                Ok(_) => return Ok(after),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }

    async fn ask_once(&self, ask: &Ask, way: Way) -> Result<(Request, Commit), Error> {
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
        let mut displaced = self.displaced(&open_requests, id);
        let count = Count::of(&open_requests, &displaced);
        if ask.starts_at.is_some() {
            // Nothing ends for it before its start.
            displaced.clear();
        }
        let question = Question {
            scope: Some(scope),
            requester: &ask.by,
            human: &human,
            duration,
            total: duration,
            is_extension: false,
            ticket: ask.ticket.as_deref(),
            incident: !ask.mirrors.is_empty(),
            locks: &locks,
            count: &count,
        };
        let authorized = self.authorize(Action::Request, &requester, &question);
        // Somebody who holds as many grants as they may can still extend the one that they ask for.
        if is_allowed_but_for_the_cap(&authorized) {
            self.refuse_the_same(ask, way, scope, &open_requests)
                .await?;
        }
        let note_refused = |refusal: &Refusal| {
            let on = Some(AttemptedOn::Scope(scope.id.clone()));
            let attempted = match way {
                Way::Approval => Attempted::Request,
                Way::BreakGlass => Attempted::BreakGlass,
            };
            self.note_refused_to(&ask.by, attempted, on, refusal);
        };
        let rules = authorized.inspect_err(note_refused)?;
        let broken = match way {
            Way::Approval => None,
            Way::BreakGlass => {
                let allowed = self.may_break_glass(scope, &requester, &question).await;
                Some(allowed.inspect_err(|error| {
                    if let Error::Refused(refusal) = error {
                        note_refused(refusal);
                    }
                })?)
            }
        };
        if broken.is_some() && ask.reason.trim().is_empty() {
            return Err(Refusal::ReasonMissing.into());
        }
        let first = self.requested(ask, scope, &requester, duration, rules)?;
        let username = requester
            .username
            .as_ref()
            .map_err(|error| Refusal::NoUsername(error.clone()))?;
        self.admit(username, &human).await?;

        let request = open(id, &first);
        self.check_rate(&human).await?;
        let mut approval = Vec::new();
        let mut commit = Commit::default();
        let mut decided_on = DecidedOn {
            seq,
            people,
            asker: Some(human.clone()),
            ..DecidedOn::default()
        };
        let (rule, review) = match broken {
            Some((rule, review)) => (Some(rule), Some(review)),
            None => (self.rule_that_approves(&requester, &question), None),
        };
        // What waits for its start counts as pending, whoever approved it.
        if rule.is_none() || ask.starts_at.is_some() {
            self.check_pending(&scope.id, &open_requests)?;
        }
        // Once nothing else refuses it, so that no look-up is for nothing.
        let ticket_read = match way {
            Way::Approval => {
                self.open_ticket_to_ask(scope, ask.ticket.as_deref(), &requester)
                    .await?
            }
            // The tracker may be what is broken; reviewers look at the ticket afterwards.
            Way::BreakGlass => None,
        };
        if let Some(rule) = rule {
            let rules = vec![rule.clone()];
            let command = Command::Approve {
                by: Actor::Rule(rule),
                revision: request.revision,
                parties: Parties {
                    requester: human.clone(),
                    groups: self.groups_by_which(&rules, scope, &requester),
                    ..Parties::default()
                },
                rules,
                grant: PlannedGrant {
                    layers: self.plan(&request, scope),
                    after: displaced.iter().copied().collect(),
                    facts: ApprovalFacts {
                        ticket_read,
                        ..self.approval_facts(&requester, &question)
                    },
                    at_most: None,
                    review,
                },
            };
            approval = decide(&request, command, self.now())?;
            commit.changes = self.end_displaced(&displaced, id).await?;
            decided_on.holder = Some(human.clone());
            decided_on.name = Some(username.folded());
        }
        commit.decided_on = Some(decided_on);
        let change = Change::first(id, first, approval);
        let request = change.after().clone();
        commit.changes.push(change);
        Ok((request, commit))
    }

    /// Refuses to ask again for what is pending, and for what is granted and can be extended. Where
    /// no more time will ever fit, another grant is the only way to go on without a gap.
    async fn refuse_the_same(
        &self,
        ask: &Ask,
        way: Way,
        scope: &Scope,
        open: &[OpenRequest],
    ) -> Result<(), Error> {
        let now = self.now();
        let purpose = Terms::purpose(ask.ticket.as_deref(), &ask.reason);
        let same = open
            .iter()
            .filter(|request| request.scope == ask.scope && request.purpose == purpose);
        for OpenRequest { id, .. } in same {
            let request = self.load(*id).await?.request;
            let (id, scope_id) = (request.id, scope.id.clone());
            // For the same purpose at another time, it is another request.
            let ahead = |start: Option<Time>| start.filter(|start| *start > now);
            if ahead(request.starts_at) != ahead(ask.starts_at) {
                continue;
            }
            match (&request.state, request.expires_at) {
                // Break-glass is for when nobody decides on what is pending.
                (State::Pending { .. }, _) if way == Way::BreakGlass => {}
                (State::Pending { lapses_at }, _) => {
                    return Err(Refusal::PendingAlready {
                        id,
                        scope: scope_id,
                        left: Span::between(now, *lapses_at),
                    }
                    .into());
                }
                (State::Approved, _) if request.waits_for_start() => {
                    return Err(Refusal::ScheduledAlready {
                        id,
                        scope: scope_id,
                        left: Span::between(now, request.starts_at.unwrap_or(now)),
                    }
                    .into());
                }
                (State::Approved | State::Active { .. }, Some(end)) if now < end => {
                    let Some(more) = self.more(&request, scope) else {
                        continue;
                    };
                    return Err(Refusal::GrantedAlready {
                        id,
                        scope: scope_id,
                        left: Span::between(now, end),
                        more,
                    }
                    .into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses one more request than somebody may make within an hour, whatever became of the others:
    /// each is a message to approvers, a line in the audit channel and an entry in the log.
    pub(super) async fn check_rate(&self, human: &Human) -> Result<(), Error> {
        let (now, most) = (self.now(), self.parts.limits.max_requests_per_hour);
        let asked = self.ask_people(|people| people.asked_lately(human, now));
        let mut latest = asked.await?.into_iter().rev();
        let nth = usize::try_from(most.saturating_sub(1)).unwrap_or(usize::MAX);
        match latest.nth(nth) {
            Some(at) => Err(Refusal::TooManyRequests {
                most,
                wait: Span::between(now, LATELY.after(at)),
            }
            .into()),
            None => Ok(()),
        }
    }

    /// Refuses one more request than may be pending at once. Behind each one are messages that
    /// approvers read.
    pub(super) fn check_pending(
        &self,
        scope: &ScopeId,
        open: &[OpenRequest],
    ) -> Result<(), Refusal> {
        let limits = &self.parts.limits;
        let pending = || open.iter().filter(|request| !request.is_held);
        let refused = |of: Option<&ScopeId>, most: u32| {
            let counted = pending().filter(|request| of.is_none_or(|of| request.scope == *of));
            let counted: Vec<_> = counted.map(|it| (it.id, it.scope.clone())).collect();
            match usize::try_from(most) {
                Ok(most) if counted.len() >= most => Err(Refusal::TooManyPending {
                    of: of.cloned(),
                    pending: counted,
                }),
                _ => Ok(()),
            }
        };
        refused(Some(scope), limits.max_pending_per_scope)?;
        refused(None, limits.max_pending_per_person)
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
        let now = self.now();
        let most = Request::MOST_AHEAD;
        match ask.starts_at {
            Some(start) if start <= now => return Err(Refusal::StartPassed),
            Some(start) if start > most.after(now) => return Err(Refusal::StartTooFar { most }),
            _ => {}
        }
        let lapses_at = self.parts.limits.pending_timeout.after(now);
        let event = Event::Requested {
            ask_key: ask.key.clone(),
            requester: ask.by.clone(),
            human: requester.human.clone(),
            email: requester
                .email
                .clone()
                .ok_or_else(|| self.without_email(Refusal::NoEmail))?,
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
            // From its start on, an approval would shorten the access.
            lapses_at: ask
                .starts_at
                .map_or(lapses_at, |start| lapses_at.min(start)),
            stages: scope.stages.clone(),
            starts_at: ask.starts_at,
        };
        Ok(Occurred {
            at: now,
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
        let rules = self
            .authorize(Action::AutoApprove, requester, question)
            .ok()?;
        self.authorize(Action::Receive, requester, question).ok()?;
        rules.into_iter().next()
    }
}
