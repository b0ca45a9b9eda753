//! What waits for one person's decision, and whom a question may concern.
//!
//! The approver groups say who is worth asking about, on facts up to ten minutes old; the policy
//! then evaluates fresh ones, exactly as when the person says yes. So a page of questions costs
//! Slack little, and shows nothing that a click would be refused. Whom an operator's own rule alone
//! lets approve, without an approver group, is not found here: they use the card in the channel.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broker, Error};
use crate::{
    directory::FactsUnavailable,
    domain::{Actor, LockTarget, Refusal, Request, Scope, ScopeId, UserId},
};

/// How many requests that wait are looked through for one answer.
const LOOKED_THROUGH: u32 = 500;

/// How many requests are evaluated for one answer.
const EVALUATED: usize = 20;

/// What waits for one person's decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Questions {
    /// What they may approve at this moment, oldest first.
    pub asked: Vec<Request>,
    /// How many more may wait for them, which were not evaluated.
    pub more: usize,
    /// Whether facts were lacking, so that something may be missing.
    pub is_unsure: bool,
}

/// Who is worth asking about, as far as it is known.
#[derive(Debug, Default)]
pub struct Concerned {
    /// Who, of the groups that are known.
    pub people: BTreeSet<UserId>,
    /// Why a group's members are not among them, if any are missing.
    pub missing: Option<FactsUnavailable>,
}

impl Broker {
    /// What waits for this person's decision: at most `most` requests.
    ///
    /// # Errors
    ///
    /// The store's trouble. Facts that cannot be had make the answer unsure.
    pub async fn questions_for(&self, person: &UserId, most: usize) -> Result<Questions, Error> {
        let mut questions = Questions::default();
        let mut approvers = BTreeMap::new();
        let mut evaluated = 0;
        for request in self.awaiting().await? {
            if request.requester == *person || has_approved(person, &request) {
                continue;
            }
            let scope = request.terms.scope.clone();
            if !approvers.contains_key(&scope) {
                approvers.insert(scope.clone(), self.recent_approvers(&scope).await);
            }
            let approvers = &approvers[&scope];
            if !approvers.people.contains(person) {
                questions.is_unsure |= approvers.missing.is_some();
                continue;
            }
            if questions.asked.len() == most || evaluated == EVALUATED {
                questions.more += 1;
                continue;
            }
            evaluated += 1;
            match self.may_approve(person, &request).await {
                // They decide on what they see, and a row can be changed and put back before they click.
                Ok(()) => match self.load_unchanged(request.id).await {
                    Ok(loaded) if loaded.request == request => questions.asked.push(request),
                    Ok(_) => questions.is_unsure = true,
                    Err(Error::Contradicted(_) | Error::Refused(_)) => {}
                    Err(error) => return Err(error),
                },
                Err(
                    Error::Facts(_)
                    | Error::EarlierApprover { .. }
                    | Error::Refused(Refusal::GroupsUnavailable(_)),
                ) => questions.is_unsure = true,
                Err(error @ (Error::Store(_) | Error::TooManyConflicts)) => return Err(error),
                Err(
                    Error::Refused(_)
                    | Error::Contradicted(_)
                    | Error::Uncertain(_)
                    | Error::WrongKey(_)
                    | Error::AlreadyDone,
                ) => {
                    // A click would be refused too.
                }
            }
        }
        Ok(questions)
    }

    /// Who is worth asking about when somebody's requests may be waiting: the approvers of all
    /// that they have waiting.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn concerned_by(&self, requester: &UserId) -> Result<Concerned, Error> {
        let open = self.open_by(requester).await?;
        let waiting = open.iter().filter(|request| request.awaits_decision());
        Ok(self.approvers_of(waiting).await)
    }

    /// Who is worth asking about when a lock is lifted, or a person is locked.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn concerned_by_lock(&self, target: &LockTarget) -> Result<Concerned, Error> {
        let waiting = self.awaiting().await?;
        let locked = waiting
            .iter()
            .filter(|request| target.covers_request(request));
        let mut concerned = self.approvers_of(locked).await;
        if let LockTarget::Person(person) = target {
            // They may approve again, or no more.
            concerned.people.insert(person.clone());
        }
        Ok(concerned)
    }

    pub(super) async fn awaiting(&self) -> Result<Vec<Request>, Error> {
        Ok(self.store.awaiting(LOOKED_THROUGH).await?)
    }

    async fn approvers_of(&self, requests: impl Iterator<Item = &Request>) -> Concerned {
        let scopes: BTreeSet<&ScopeId> = requests.map(|request| &request.terms.scope).collect();
        let mut concerned = Concerned::default();
        for scope in scopes {
            let approvers = self.recent_approvers(scope).await;
            concerned.people.extend(approvers.people);
            concerned.missing = concerned.missing.or(approvers.missing);
        }
        concerned
    }

    /// Nobody, for a scope that has left the catalogue.
    async fn recent_approvers(&self, scope: &ScopeId) -> Concerned {
        let groups = self.parts.catalogue.get(scope).into_iter();
        let mut concerned = Concerned::default();
        for group in groups.flat_map(|scope: &Scope| &scope.approvers) {
            match self.parts.directory.recent_members(group).await {
                Ok(members) => concerned.people.extend(members),
                Err(error) => concerned.missing = Some(error),
            }
        }
        concerned
    }
}

/// Whether this person's yes to what is asked now is counted already.
fn has_approved(person: &UserId, request: &Request) -> bool {
    let approvals = match &request.extension {
        Some(extension) => &extension.approvals,
        None => &request.approvals,
    };
    let their = Actor::Person(person.clone());
    approvals.iter().any(|approval| approval.by == their)
}
