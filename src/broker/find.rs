//! Looking things up; nothing changes here.

use std::collections::BTreeSet;

use super::{Broker, Error};
use crate::{
    backend::LayerRequest,
    domain::{
        BackendName, Email, Human, IdentityKey, Layer, Refusal, Request, RequestId, Scope, ScopeId,
        State, UserId,
    },
    store::{Open, OpenRequest},
};

/// A login whose sessions all end with one grant, and another grant that uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// The login.
    pub login: String,
    /// Its target.
    pub backend: BackendName,
    /// What the other grant is for.
    pub other: ScopeId,
}

impl Broker {
    /// One request.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchRequest`], or the store's trouble.
    pub async fn request(&self, id: RequestId) -> Result<Request, Error> {
        let found = self.store.request(id).await?;
        Ok(found.ok_or(Refusal::NoSuchRequest(id))?)
    }

    /// What a person has open under any of their ids that the configuration or the log names,
    /// oldest first.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn open_of(&self, person: &UserId) -> Result<Vec<Request>, Error> {
        let human = self.human_recorded(person).await?;
        self.loaded_of(&human).await
    }

    /// What a human has open, as the log tells it.
    async fn loaded_of(&self, human: &Human) -> Result<Vec<Request>, Error> {
        let mut open = Vec::new();
        for OpenRequest { id, .. } in self.open_requests(human).await? {
            let request = self.load(id).await?.request;
            // It may have ended meanwhile.
            open.extend(Some(request).filter(Request::is_open));
        }
        Ok(open)
    }

    /// The ids under which the log knows the person who has this address; none if it knows nobody
    /// who has it.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn ids_of(&self, address: &Email) -> Result<Vec<UserId>, Error> {
        let human = Human::from_iter([IdentityKey::address(address)]);
        let human = self.known(human).await?;
        let ids = human.keys().filter_map(|key| match key {
            IdentityKey::Id(id) => Some(id.clone()),
            IdentityKey::Address(_) | IdentityKey::Person(_) => None,
        });
        Ok(ids.collect())
    }

    /// What was asked for under this id and is open, oldest first: what its Home shows, which is
    /// published when requests of this id change.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn open_by(&self, id: &UserId) -> Result<Vec<Request>, Error> {
        Ok(self.store.open(Open::Of(id.clone())).await?)
    }

    /// Whether the request is this person's, under whichever id they asked.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`], or the store's trouble.
    pub async fn is_theirs(&self, person: &UserId, request: &Request) -> Result<bool, Error> {
        let human = self.human_beside(person, &request.requester).await?;
        Ok(human.is(&request.human))
    }

    /// The other grants of the requester that the end of `request` interrupts, because its target
    /// cannot tell their sessions apart.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn interrupted_by(&self, request: &Request) -> Result<Vec<Interruption>, Error> {
        let ending = self.sessions_of(request);
        if ending.is_empty() {
            return Ok(Vec::new());
        }
        let mut interrupted = Vec::new();
        for other in self.loaded_of(&request.human).await? {
            if other.id == request.id || !matches!(other.state, State::Active { .. }) {
                continue;
            }
            for (backend, login) in self.sessions_of(&other) {
                if ending.contains(&(backend.clone(), login.clone())) {
                    let other = other.terms.scope.clone();
                    interrupted.push(Interruption {
                        login,
                        backend,
                        other,
                    });
                }
            }
        }
        Ok(interrupted)
    }

    /// The logins whose sessions all end with `request`, by target.
    fn sessions_of(&self, request: &Request) -> BTreeSet<(BackendName, String)> {
        let login = |layer: &Layer| {
            let (plan, receipt) = (&layer.plan, layer.receipt.as_ref());
            let order = LayerRequest::of(request, plan, receipt, request.asked_at);
            let login = self.bind(plan)?.interrupts(&order)?;
            Some((plan.backend.clone(), login))
        };
        request.layers.iter().filter_map(login).collect()
    }

    /// What a person had that is over, latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn past_of(&self, person: &UserId, limit: u32) -> Result<Vec<Request>, Error> {
        Ok(self.store.past(person, limit).await?)
    }

    /// What is open for a scope, oldest first.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn open_for(&self, scope: &ScopeId) -> Result<Vec<Request>, Error> {
        Ok(self.store.open(Open::For(scope.clone())).await?)
    }

    /// The scope of this name.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchScope`].
    pub fn scope(&self, id: &ScopeId) -> Result<&Scope, Refusal> {
        self.parts
            .catalogue
            .get(id)
            .ok_or_else(|| Refusal::NoSuchScope(id.clone()))
    }

    /// Who is in the approver groups of a scope: for showing whom a request will reach. Whether
    /// one of them may approve is asked when they do.
    ///
    /// # Errors
    ///
    /// [`Error::Facts`].
    pub async fn approvers(&self, scope: &Scope) -> Result<BTreeSet<UserId>, Error> {
        let mut people = BTreeSet::new();
        for group in &scope.approvers {
            let members = self.parts.directory.members(group).await;
            people.extend(members?);
        }
        Ok(people)
    }
}
