//! Names in the targets: each belongs to one person.

use super::{Broker, Error, Intent, error::ATTEMPTS};
use crate::{
    domain::{Actor, AttemptedOn, NameEvent, Username},
    policy::Action,
    store::{Commit, CommitError, EntryBody, Record},
};

impl Broker {
    /// Releases a name: the next approval under it binds it again. What is active stays as it is.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn release_name(
        &self,
        intent: &Intent,
        name: &Username,
        reason: &str,
    ) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let rules = self
                .may_administer(
                    Action::Release,
                    intent,
                    None,
                    AttemptedOn::Login(name.folded()),
                )
                .await?;
            let decided_on = self.bound_name(name).await?;
            let record = Record {
                at: self.now(),
                request: None,
                actor: Actor::Person(intent.by().clone()),
                rules,
                body: EntryBody::Name(NameEvent::NameReleased {
                    name: name.folded(),
                    reason: reason.trim().to_owned(),
                }),
            };
            let commit = Commit {
                decided_on: Some(decided_on),
                release: Some(record),
                ..Commit::default()
            };
            match self.commit(Some(intent), None, commit).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }
}
