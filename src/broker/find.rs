//! Looking things up; nothing changes here.

use std::collections::BTreeSet;

use super::{Broker, unavailable};
use crate::{
    domain::{Refusal, Request, RequestId, Scope, ScopeId, UserId},
    store::Open,
};

impl Broker {
    /// One request.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchRequest`], or the store's trouble.
    pub async fn request(&self, id: RequestId) -> Result<Request, Refusal> {
        let found = self.parts.store.request(id).await.map_err(unavailable)?;
        found.ok_or(Refusal::NoSuchRequest(id))
    }

    /// What a person has open, oldest first.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn open_of(&self, person: &UserId) -> Result<Vec<Request>, Refusal> {
        self.parts
            .store
            .open(Open::Of(person.clone()))
            .await
            .map_err(unavailable)
    }

    /// What a person had that is over, latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn past_of(&self, person: &UserId, limit: u32) -> Result<Vec<Request>, Refusal> {
        self.parts
            .store
            .past(person, limit)
            .await
            .map_err(unavailable)
    }

    /// What is open for a scope, oldest first.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn open_for(&self, scope: &ScopeId) -> Result<Vec<Request>, Refusal> {
        self.parts
            .store
            .open(Open::For(scope.clone()))
            .await
            .map_err(unavailable)
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
    /// [`Refusal::FactsUnavailable`].
    pub async fn approvers(&self, scope: &Scope) -> Result<BTreeSet<UserId>, Refusal> {
        let mut people = BTreeSet::new();
        for group in &scope.approvers {
            let members = self.parts.directory.members(group).await;
            people.extend(members.map_err(|error| Refusal::FactsUnavailable(error.0))?);
        }
        Ok(people)
    }
}
