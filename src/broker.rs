//! The only place that changes state.

use std::{collections::BTreeSet, sync::Arc};

use secrecy::SecretString;

use crate::domain::{
    Catalogue, ChannelId, LockTarget, Refusal, Request, RequestId, Scope, ScopeId, Span, UserId,
};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The request's name, derived from what Slack names only once: asked twice, it is made once.
    pub id: RequestId,
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

/// How a requester reaches one target with a password of their own.
#[derive(Debug)]
pub struct Credential {
    /// Label and text, nothing secret.
    pub connection: Vec<(String, String)>,
    /// The password.
    pub password: SecretString,
}

/// The only place that changes state.
pub struct Broker {}

#[expect(clippy::todo, reason = "skeleton")]
impl Broker {
    /// What can be asked for.
    pub fn catalogue(&self) -> &Catalogue {
        todo!()
    }
    /// Who may approve a scope: the members of its approver groups. For display only.
    pub async fn approvers(&self, _scope: &Scope) -> Result<BTreeSet<UserId>, Refusal> {
        todo!()
    }
    /// Asks. Asked twice with the same id, the second answer is the first request.
    pub async fn ask(&self, _ask: Ask) -> Result<Request, Refusal> {
        todo!()
    }
    /// Says yes to what `revision` of the request shows.
    pub async fn approve(
        &self,
        _by: &UserId,
        _id: RequestId,
        _revision: u32,
    ) -> Result<Request, Refusal> {
        todo!()
    }
    /// Says no.
    pub async fn deny(
        &self,
        _by: &UserId,
        _id: RequestId,
        _revision: u32,
        _reason: &str,
    ) -> Result<Request, Refusal> {
        todo!()
    }
    /// Whether this person could decide the request now; checked before the reason is asked for.
    pub async fn may_deny(
        &self,
        _by: &UserId,
        _id: RequestId,
        _revision: u32,
    ) -> Result<Request, Refusal> {
        todo!()
    }
    /// Takes a request back.
    pub async fn withdraw(&self, _by: &UserId, _id: RequestId) -> Result<Request, Refusal> {
        todo!()
    }
    /// Asks for more time.
    pub async fn extend(
        &self,
        _by: &UserId,
        _id: RequestId,
        _duration: Option<Span>,
    ) -> Result<Request, Refusal> {
        todo!()
    }
    /// Ends the requester's own grant.
    pub async fn done(&self, _by: &UserId, _id: RequestId) -> Result<Request, Refusal> {
        todo!()
    }
    /// Takes a grant back, by an approver of its scope or an administrator.
    pub async fn revoke(
        &self,
        _by: &UserId,
        _id: RequestId,
        _reason: &str,
    ) -> Result<Request, Refusal> {
        todo!()
    }
    /// Locks, and ends what the lock covers. Answers how many grants that ends.
    pub async fn lock(
        &self,
        _by: &UserId,
        _target: LockTarget,
        _reason: &str,
    ) -> Result<usize, Refusal> {
        todo!()
    }
    /// Lifts a lock. False if there was none.
    pub async fn unlock(&self, _by: &UserId, _target: LockTarget) -> Result<bool, Refusal> {
        todo!()
    }
    /// Opens the grant's credentials for its requester; the showing is in the log first.
    pub async fn show_credentials(
        &self,
        _by: &UserId,
        _id: RequestId,
    ) -> Result<Vec<Credential>, Refusal> {
        todo!()
    }
    /// Whether the request comes with credentials to show.
    pub fn has_credentials(&self, _request: &Request) -> bool {
        todo!()
    }
    /// One request.
    pub async fn request(&self, _id: RequestId) -> Result<Request, Refusal> {
        todo!()
    }
    /// What a person has open, oldest first.
    pub async fn open_of(&self, _person: &UserId) -> Result<Vec<Request>, Refusal> {
        todo!()
    }
    /// What is open for a scope, oldest first.
    pub async fn open_for(&self, _scope: &ScopeId) -> Result<Vec<Request>, Refusal> {
        todo!()
    }
    /// Refuses anybody who is not a full member of this workspace, on fresh facts.
    pub async fn member(&self, _id: &UserId) -> Result<crate::domain::Person, Refusal> {
        todo!()
    }
    /// What is known of people.
    pub fn directory(&self) -> &Arc<crate::directory::Directory> {
        todo!()
    }
}
