//! Deciding a request: approve, deny, withdraw.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Broker, Error, Intent, Loaded,
    approver_groups::{stages_of, unknown_in_stages},
    end::keeps_no_other,
    extend::decided_total,
    facts::{Count, Question},
    refused_attempts::attempted_on,
};
use crate::{
    backend::LayerRequest,
    domain::{
        Actor, ApprovalFacts, Attempted, Command, EndCause, Entitlement, Event, Handle, Human,
        LayerSpec, NoUsername, Occurred, Parties, Person, PlannedGrant, PlannedLayer, Refusal,
        Request, RequestId, RevocationMode, RuleId, Scope, Span, State, UserId, Vote, decide,
    },
    policy::Action,
    store::{Change, Commit, DecidedOn},
};

/// What a yes does now.
pub(super) struct Evaluated {
    events: Vec<Occurred>,
    /// What has to end with it.
    displaced: BTreeSet<RequestId>,
    /// The requester is the first of its people.
    decided_on: DecidedOn,
}

/// Which stages of a request each approver can fill.
pub(super) type Stages = BTreeMap<UserId, BTreeSet<usize>>;

/// What a human holds besides one request.
pub(super) struct Held {
    /// What has to end so that the request fits under the cap.
    pub(super) displaced: BTreeSet<RequestId>,
    pub(super) count: Count,
}

impl Broker {
    /// Says yes to what `revision` of the request shows: the request itself, or more time for it.
    ///
    /// The authority of who approves, and what the requester may receive, are asked on fresh facts
    /// each time; what the requester holds is counted in the same transaction.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn approve(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        self.approve_for(intent, id, revision, None).await
    }

    /// Says yes as [`approve`](Self::approve) does, and lets the grant, or the time that is added to it,
    /// last at most `at_most`.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed. [`Refusal::LongerThanAsked`] and [`Refusal::TooShort`] say that
    /// `at_most` is no time that an approver can choose.
    pub async fn approve_for(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
        at_most: Option<Span>,
    ) -> Result<Request, Error> {
        let min = self.parts.limits.min_duration.max(Span::seconds(1));
        if let Some(asked) = at_most.filter(|chosen| *chosen < min) {
            return Err(Refusal::TooShort { asked, min }.into());
        }
        self.revise(id).await?;
        self.settle_unchanged(Some(intent), id, |request| {
            self.approve_once(intent, request, revision, at_most)
        })
        .await
    }

    async fn approve_once(
        &self,
        intent: &Intent,
        request: Request,
        revision: u32,
        at_most: Option<Span>,
    ) -> Result<(Request, Commit), Error> {
        let refused = |refusal: &Refusal| {
            let on = attempted_on(&request);
            self.note_refused(intent, Attempted::Approve, on, refusal);
        };
        let Evaluated {
            events,
            displaced,
            mut decided_on,
        } = self
            .evaluate(intent.by(), &request, revision, at_most, true, refused)
            .await?;
        let mut commit = Commit::default();
        if events
            .iter()
            .any(|occurred| matches!(occurred.event, Event::Approved { .. }))
        {
            decided_on.holder = decided_on.people.first().cloned();
            decided_on.name = Some(request.username.folded());
            commit.changes = self.end_displaced(&displaced, request.id).await?;
        }
        commit.decided_on = Some(decided_on);
        let change = Change::of(request.clone(), events);
        let after = change.after().clone();
        commit.changes.push(change);
        Ok((after, commit))
    }

    /// The changes that end these grants, which make room for the request `by`.
    ///
    /// # Errors
    ///
    /// If one of them can't be read or ended.
    pub(super) async fn end_displaced(
        &self,
        displaced: &BTreeSet<RequestId>,
        by: RequestId,
    ) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::with_capacity(displaced.len());
        for id in displaced {
            let command = Command::End {
                by: Actor::Keylend,
                rules: Vec::new(),
                cause: EndCause::Displaced { by },
            };
            let displaced = self.load(*id).await;
            let change = displaced.and_then(|Loaded { request, logged }| {
                let mut change = self.change(&request, command)?;
                change.last_seq = logged;
                Ok(change)
            });
            match change {
                Ok(change) => changes.push(change),
                // What is on its way out already is waited for.
                Err(error) if keeps_no_other(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(changes)
    }

    /// Whether this person could say yes now: the same judgement as when they do, but for the ticket, which is not
    /// looked up for each look at App Home.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_approve(&self, by: &UserId, request: &Request) -> Result<(), Error> {
        let revision = request.revision;
        self.evaluate(by, request, revision, None, false, |_| ())
            .await?;
        Ok(())
    }

    /// What a yes to `revision` of the request does now, if its author may say it and the
    /// requester may receive it. Nothing is asked about the requester before the author may. `refused` is
    /// called where it is the author who may not. The ticket is looked up only `with_ticket`; without it, nothing
    /// may be committed.
    pub(super) async fn evaluate(
        &self,
        by: &UserId,
        request: &Request,
        revision: u32,
        at_most: Option<Span>,
        with_ticket: bool,
        refused: impl Fn(&Refusal),
    ) -> Result<Evaluated, Error> {
        let seq = self.begin_decision().await?;
        let scope = self.scope(&request.terms.scope)?;
        let approver = self.person(by, Some(scope)).await?;
        let locks = self.locks().await?;
        let held = self.held(request, &request.human).await?;
        let question = Question {
            scope: Some(scope),
            requester: &request.requester,
            human: &request.human,
            duration: self.decided_duration(request),
            total: decided_total(request),
            is_extension: request.extension.is_some(),
            ticket: request.terms.ticket.as_deref(),
            incident: request.is_for_incident(),
            locks: &locks,
            count: &held.count,
        };
        let rules = self
            .authorize(Action::Approve, &approver, &question)
            .inspect_err(&refused)?;
        self.check_decider_email(&approver)?;
        let (votes, mut stages) = self.votes(request, scope, &question).await?;
        stages.insert(by.clone(), stages_of(request, &approver));
        let requester = self.person(&request.requester, Some(scope)).await?;
        let human = request.human.clone().with(&requester.human);
        let mut people = vec![human.clone(), approver.human.clone()];
        people.extend(voters(&votes));
        self.check_people(&people).await?;
        // The requester may hold more under an address that they did not have when they asked.
        let held = self.held(request, &human).await?;
        let question = Question {
            human: &human,
            count: &held.count,
            ..question
        };
        let ticket_read = match with_ticket {
            true => self.open_ticket(scope, question.ticket, &requester).await?,
            false => None,
        };
        let groups = self.groups_for(request, &rules, scope, &approver);
        let displaced = match request.starts_at {
            None => held.displaced,
            // Nothing ends for it before its start.
            Some(_) => BTreeSet::new(),
        };
        let unknown = unknown_in_stages(request, &approver);
        let command = Command::Approve {
            by: Actor::Person(by.clone()),
            rules,
            revision,
            parties: Parties {
                approver: approver.human,
                requester: human.clone(),
                votes,
                groups,
                stages,
            },
            grant: PlannedGrant {
                layers: self.plan(request, scope),
                after: displaced.iter().copied().collect(),
                facts: ApprovalFacts {
                    ticket_read,
                    ..self.approval_facts(&requester, &question)
                },
                at_most,
                review: None,
            },
        };
        let decided = decide(request, command, self.now());
        let decided = decided.map_err(|refusal| match refusal {
            // They may be in a group of an open stage.
            Refusal::NoOpenStage { .. } if !unknown.is_empty() => {
                Refusal::GroupsUnavailable(unknown)
            }
            refusal => refusal,
        });
        let events = decided.inspect_err(&refused)?;
        self.authorize(Action::Receive, &requester, &question)?;
        if question.is_extension {
            self.authorize(Action::Extend, &requester, &question)?;
        }
        self.keeps_name(request, &requester, &human).await?;
        let decided_on = DecidedOn {
            seq,
            people,
            ..DecidedOn::default()
        };
        Ok(Evaluated {
            events,
            displaced,
            decided_on,
        })
    }

    /// Refuses where the name in the targets belongs to somebody else by now.
    pub(super) async fn keeps_name(
        &self,
        request: &Request,
        requester: &Person,
        human: &Human,
    ) -> Result<(), Error> {
        if let Err(error @ NoUsername::Listed) = &requester.username {
            // The configuration has given the name to somebody else meanwhile.
            return Err(Refusal::NoUsername(error.clone()).into());
        }
        self.admit(&request.username, human).await
    }

    /// Whether those who approved before still have the authority, on today's facts and rules, and which
    /// stages each of them can fill.
    pub(super) async fn votes(
        &self,
        request: &Request,
        scope: &Scope,
        question: &Question<'_>,
    ) -> Result<(BTreeMap<UserId, Vote>, Stages), Error> {
        let (mut votes, mut stages) = (BTreeMap::new(), Stages::new());
        for approval in request.waiting_approvals() {
            let Actor::Person(approver) = &approval.by else {
                continue;
            };
            let person = self.person(approver, Some(scope)).await;
            let person = person.map_err(|error| match error {
                Error::Facts(source) => Error::EarlierApprover {
                    approver: approver.clone(),
                    source,
                },
                error => error,
            })?;
            let vote = match self.authorize(Action::Approve, &person, question) {
                Ok(_) if person.email.is_none() => Vote::Void {
                    reason: "the approver has no usable address".to_owned(),
                },
                Ok(_) => {
                    let unknown = unknown_in_stages(request, &person);
                    if !unknown.is_empty() {
                        return Err(Refusal::GroupsUnavailable(unknown).into());
                    }
                    stages.insert(approver.clone(), stages_of(request, &person));
                    Vote::Counts {
                        human: person.human,
                    }
                }
                Err(refusal @ Refusal::Forbidden(_)) => Vote::Void {
                    reason: refusal.to_string(),
                },
                Err(refusal) => return Err(refusal.into()),
            };
            votes.insert(approver.clone(), vote);
        }
        Ok((votes, stages))
    }

    /// What a human holds besides the request, and what has to end if it is approved now.
    pub(super) async fn held(&self, request: &Request, human: &Human) -> Result<Held, Error> {
        let open = self.open_requests(human).await?;
        let is_pending = matches!(request.state, State::Pending { .. });
        let displaced = match is_pending || request.waits_for_start() {
            true => self.displaced(&open, request.id),
            // More time for what is held already displaces nothing.
            false => BTreeSet::new(),
        };
        let mut except = displaced.clone();
        except.insert(request.id);
        let count = Count::of(&open, &except);
        Ok(Held { displaced, count })
    }

    /// Says no to what `revision` of the request shows.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn deny(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
        reason: &str,
    ) -> Result<Request, Error> {
        self.settle(Some(intent), id, async |request| {
            let command = self.denial(intent, &request, revision, reason).await?;
            Ok(self.change_alone(intent, Attempted::Deny, &request, command)?)
        })
        .await
    }

    /// Whether this person could say no now: asked before they are asked for a reason.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_deny(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        let request = self.request(id).await?;
        let command = self.denial(intent, &request, revision, "").await?;
        let denied = decide(&request, command, self.now());
        self.noted(intent, Attempted::Deny, &request, denied)?;
        Ok(request)
    }

    /// Withdraws a request before it is decided, or before its start.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn withdraw(&self, intent: &Intent, id: RequestId) -> Result<Request, Error> {
        let by = intent.by();
        self.settle(Some(intent), id, async |request| {
            let human = self.human_beside(by, &request.requester).await?;
            let by = by.clone();
            let command = Command::Withdraw { by, human };
            Ok(self.change_alone(intent, Attempted::Withdraw, &request, command)?)
        })
        .await
    }

    async fn denial(
        &self,
        intent: &Intent,
        request: &Request,
        revision: u32,
        reason: &str,
    ) -> Result<Command, Error> {
        let (person, rules) = self.may(Action::Deny, intent, request).await?;
        self.check_decider_email(&person)?;
        Ok(Command::Deny {
            by: intent.by().clone(),
            human: person.human,
            rules,
            revision,
            reason: reason.trim().to_owned(),
        })
    }

    /// Who does `action` to `request`, and the rules that let them do it now.
    pub(super) async fn may(
        &self,
        action: Action,
        intent: &Intent,
        request: &Request,
    ) -> Result<(Person, Vec<RuleId>), Error> {
        let (person, rules) = self.authority(action, intent.by(), request).await?;
        let attempted = match action {
            Action::Deny => Attempted::Deny,
            _ => Attempted::Revoke,
        };
        let rules = self.noted(intent, attempted, request, rules)?;
        Ok((person, rules))
    }

    /// Who this is, and the rules that let them do `action` to `request` now, or why they may not.
    pub(super) async fn authority(
        &self,
        action: Action,
        by: &UserId,
        request: &Request,
    ) -> Result<(Person, Result<Vec<RuleId>, Refusal>), Error> {
        // Users who may revoke access may do so after the scope has left the catalogue.
        let scope = self.parts.catalogue.get(&request.terms.scope);
        let person = self.person(by, scope).await?;
        let question = Question {
            is_extension: action == Action::Deny && request.extension.is_some(),
            incident: request.is_for_incident(),
            ..Question::of_authority(scope, &request.requester, &request.human)
        };
        let rules = self.authorize(action, &person, &question);
        Ok((person, rules))
    }

    /// What is made if the request is approved now.
    pub(super) fn plan(&self, request: &Request, scope: &Scope) -> Vec<PlannedLayer> {
        let plan = |(index, layer): (usize, &LayerSpec)| {
            let handle = Handle::new(format!("jit_{}_{index}", request.id));
            let mut plan = PlannedLayer {
                backend: layer.backend.clone(),
                params: layer.params.clone(),
                entitlement: Entitlement::new(handle.as_str()),
                title: None,
                revocation: RevocationMode::Call,
                late_effects: Span::default(),
                handle,
            };
            if let Some(bound) = self.bind(&plan) {
                let order = LayerRequest::of(request, &plan, None, request.asked_at);
                plan.entitlement = bound.entitlement(&order).in_target(&layer.backend);
                plan.title = bound.title();
                plan.revocation = bound.revocation_mode();
                plan.late_effects = bound.late_effects();
            }
            plan
        };
        scope.layers.iter().enumerate().map(plan).collect()
    }
}

/// Those whose earlier approvals count.
pub(super) fn voters(votes: &BTreeMap<UserId, Vote>) -> impl Iterator<Item = Human> {
    votes.values().filter_map(|vote| match vote {
        Vote::Counts { human } => Some(human.clone()),
        Vote::Void { .. } => None,
    })
}
