//! Names in the targets: each belongs to one person.

use super::{Broker, Error};
use crate::{
    domain::{Actor, Human, NameEvent, NameOwners, Refusal, UserId, Username},
    policy::Action,
    store::{Commit, CommitError, EntryBody, NameChange, NameVersion, Record},
};

impl Broker {
    /// To whom a name belongs, unless it does not belong to `human`.
    pub(super) async fn owners(
        &self,
        name: &Username,
        human: &Human,
    ) -> Result<(NameOwners, NameVersion), Error> {
        let (owners, version) = self.parts.store.name(&name.folded()).await?;
        owners.admit(name, human)?;
        Ok((owners, version))
    }

    /// Releases a name: the next approval under it binds it again. What is active stays as it is.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn release_name(
        &self,
        by: &UserId,
        name: &Username,
        reason: &str,
    ) -> Result<(), Error> {
        for _ in 0..super::ATTEMPTS {
            let rules = self.may_administer(Action::Release, by, None).await?;
            let (owners, before) = self.parts.store.name(&name.folded()).await?;
            if owners.is_free() {
                return Err(Refusal::NameFree(name.clone()).into());
            }
            let record = Record {
                at: self.now(),
                request: None,
                actor: Actor::Person(by.clone()),
                rules,
                body: EntryBody::Name(NameEvent::NameReleased {
                    name: name.folded(),
                    reason: reason.trim().to_owned(),
                }),
            };
            let names = vec![NameChange {
                name: name.folded(),
                before,
                owners: NameOwners::default(),
                record: Some(record),
            }];
            let commit = Commit {
                names,
                ..Commit::default()
            };
            match self.commit(None, commit).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(error)) => return Err(error.into()),
            }
        }
        Err(Error::TooManyConflicts)
    }
}

/// The change that binds `name` to `human`. It is committed where nothing new is bound too: a name
/// that was released meanwhile is a conflict.
pub(super) fn bound(
    name: &Username,
    human: &Human,
    mut owners: NameOwners,
    before: NameVersion,
) -> NameChange {
    owners.bind(human);
    NameChange {
        name: name.folded(),
        before,
        owners,
        record: None,
    }
}
