//! Deciding a request: approve, deny, withdraw.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Broker, alone,
    facts::{Count, Question},
};
use crate::{
    domain::{
        Actor, Command, EndCause, Entitlement, Event, Handle, LayerSpec, Occurred, PlannedLayer,
        Refusal, Request, RequestId, RuleId, Scope, State, UserId, decide,
    },
    policy::Action,
    store::{Commit, Holdings},
};

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
        by: &UserId,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Refusal> {
        self.settle(id, |request| self.approve_once(by, request, revision))
            .await
    }

    async fn approve_once(
        &self,
        by: &UserId,
        request: Request,
        revision: u32,
    ) -> Result<(Request, Commit), Refusal> {
        self.uncontradicted(&request).await?;
        let holdings = self.holdings(&request.requester).await?;
        let displaced = self.displaced_by(&request, &holdings);
        let events = self
            .weigh(by, &request, revision, &holdings, &displaced)
            .await?;
        let mut commit = Commit::default();
        if events
            .iter()
            .any(|occurred| matches!(occurred.event, Event::Approved { .. }))
        {
            commit.holder = Some((request.requester.clone(), holdings.version));
            for displaced in displaced.values() {
                let cause = EndCause::Displaced { by: request.id };
                let command = Command::End {
                    by: Actor::Keylend,
                    rules: Vec::new(),
                    cause,
                };
                match self.change(displaced, command) {
                    Ok(change) => commit.changes.push(change),
                    // It is on its way out already, and is waited for.
                    Err(Refusal::NotActive { .. }) => {}
                    Err(refusal) => return Err(refusal),
                }
            }
        }
        let change = self.change_by(&request, &events);
        let after = change.after.clone();
        commit.changes.push(change);
        Ok((after, commit))
    }

    /// Whether this person could say yes now: the same judgement as when they do.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_approve(&self, by: &UserId, request: &Request) -> Result<(), Refusal> {
        let holdings = self.holdings(&request.requester).await?;
        let displaced = self.displaced_by(request, &holdings);
        self.weigh(by, request, request.revision, &holdings, &displaced)
            .await
            .map(drop)
    }

    /// What a yes to `revision` of the request does now, if its author may say it and the
    /// requester may receive it. Nothing is asked about the requester before the author may.
    async fn weigh(
        &self,
        by: &UserId,
        request: &Request,
        revision: u32,
        holdings: &Holdings,
        displaced: &BTreeMap<RequestId, &Request>,
    ) -> Result<Vec<Occurred>, Refusal> {
        let scope = self.scope(&request.terms.scope)?;
        let approver = self.person(by, Some(scope)).await?;
        let locks = self.locks().await?;
        let mut except: BTreeSet<RequestId> = displaced.keys().copied().collect();
        except.insert(request.id);
        let count = Count::of(holdings, &except);
        let question = Question {
            scope: Some(scope),
            requester: &request.requester,
            duration: self.decided_duration(request),
            ticket: request.terms.ticket.as_deref(),
            locks: &locks,
            count: &count,
        };
        let rules = self.judge(Action::Approve, &approver, &question)?;
        let command = Command::Approve {
            by: Actor::Person(by.clone()),
            rules,
            revision,
            plan: self.plan(request, scope),
            after: displaced.keys().copied().collect(),
        };
        let events = decide(request, command, self.now())?;
        let requester = self.person(&request.requester, Some(scope)).await?;
        self.judge(Action::Receive, &requester, &question)?;
        Ok(events)
    }

    /// The older grants that end if the request is approved now.
    fn displaced_by<'a>(
        &self,
        request: &Request,
        holdings: &'a Holdings,
    ) -> BTreeMap<RequestId, &'a Request> {
        match request.state {
            State::Pending { .. } => self.displaced(holdings, request.id),
            // More time for what is held already displaces nothing.
            _ => BTreeMap::new(),
        }
    }

    /// Says no to what `revision` of the request shows.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn deny(
        &self,
        by: &UserId,
        id: RequestId,
        revision: u32,
        reason: &str,
    ) -> Result<Request, Refusal> {
        self.settle(id, async |request| {
            let rules = self.may(Action::Deny, by, &request).await?;
            let (by, reason) = (by.clone(), reason.trim().to_owned());
            let command = Command::Deny {
                by,
                rules,
                revision,
                reason,
            };
            Ok(alone(self.change(&request, command)?))
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
        by: &UserId,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Refusal> {
        let request = self.request(id).await?;
        let rules = self.may(Action::Deny, by, &request).await?;
        let (by, reason) = (by.clone(), String::new());
        decide(
            &request,
            Command::Deny {
                by,
                rules,
                revision,
                reason,
            },
            self.now(),
        )?;
        Ok(request)
    }

    /// Takes a request back before it is decided.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn withdraw(&self, by: &UserId, id: RequestId) -> Result<Request, Refusal> {
        self.settle(id, async |request| {
            Ok(alone(
                self.change(&request, Command::Withdraw { by: by.clone() })?,
            ))
        })
        .await
    }

    /// The rules that let `by` do `action` to `request` now.
    pub(super) async fn may(
        &self,
        action: Action,
        by: &UserId,
        request: &Request,
    ) -> Result<Vec<RuleId>, Refusal> {
        // Whoever may take access back may do so after the scope has left the catalogue.
        let scope = self.parts.catalogue.get(&request.terms.scope);
        let person = self.person(by, scope).await?;
        self.judge(
            action,
            &person,
            &Question::of_authority(scope, &request.requester),
        )
    }

    /// What is made if the request is approved now.
    pub(super) fn plan(&self, request: &Request, scope: &Scope) -> Vec<PlannedLayer> {
        let plan = |(index, layer): (usize, &LayerSpec)| {
            let handle = Handle::new(format!("jit_{}_{index}", request.id));
            let mut plan = PlannedLayer {
                backend: layer.backend.clone(),
                params: layer.params.clone(),
                entitlement: Entitlement::new(handle.as_str()),
                handle,
            };
            if let Some(backend) = self.backend(&layer.backend) {
                let order = Self::order(request, &plan, request.asked_at);
                // Two targets may call their access the same.
                let within = backend.entitlement(&order);
                plan.entitlement = Entitlement::new(format!("{}/{within}", layer.backend));
            }
            plan
        };
        scope.layers.iter().enumerate().map(plan).collect()
    }
}
