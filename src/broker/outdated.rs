//! Facts that Slack says are old: nobody decides on them any more, whichever replica was told. The
//! replica that was told looks at once whether somebody left who holds access.

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{Broker, Changed};
use crate::{
    domain::UserId,
    store::{Invalidation, StoreError},
};

impl Broker {
    /// Forgets `fact`, here and on the other replicas.
    ///
    /// # Errors
    ///
    /// If the others cannot be told.
    pub async fn outdated(&self, fact: Invalidation) -> Result<(), StoreError> {
        self.forget(&fact);
        self.parts.ledger.broadcast_invalidation(&fact).await
    }

    /// Has it looked at soon whether this person left.
    pub fn may_have_left(&self, person: UserId) {
        self.changes.add(|changed| changed.people.extend([person]));
    }

    /// Has it looked at soon whether somebody left this user group.
    pub fn may_have_lost_members(&self, usergroup: String) {
        self.changes
            .add(|changed| changed.usergroups.extend([usergroup]));
    }

    /// Waits until something has to be looked at, and takes all of it.
    pub async fn changed(&self) -> Changed {
        self.changes.take().await
    }

    /// Forgets what other replicas say is old, until `shutdown`.
    pub async fn hear_outdated(&self, shutdown: CancellationToken) {
        let Some(mut told) = self.store.outdated() else {
            return;
        };
        while let Some(heard) = shutdown.run_until_cancelled(told.recv()).await {
            match heard {
                Ok(fact) => self.forget(&fact),
                Err(RecvError::Lagged(_)) => self.forget(&Invalidation::Any),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn forget(&self, fact: &Invalidation) {
        let directory = &self.parts.directory;
        match fact {
            Invalidation::Person(id) => directory.forget_person(id),
            Invalidation::Usergroup(id) => directory.forget_usergroup(id),
            Invalidation::Any => directory.forget_everything(),
        }
    }
}
