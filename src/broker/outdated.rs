//! Facts that Slack says are old: nobody decides on them any more, whichever replica was told.

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Broker;
use crate::store::{Fact, StoreError};

impl Broker {
    /// Forgets `fact`, here and on the other replicas.
    ///
    /// # Errors
    ///
    /// If the others cannot be told.
    pub async fn outdated(&self, fact: Fact) -> Result<(), StoreError> {
        self.forget(&fact);
        self.parts.store.tell_outdated(&fact).await
    }

    /// Forgets what other replicas say is old, until `shutdown`.
    pub async fn hear_outdated(&self, shutdown: CancellationToken) {
        let Some(mut told) = self.parts.store.outdated() else {
            return;
        };
        while let Some(heard) = shutdown.run_until_cancelled(told.recv()).await {
            match heard {
                Ok(fact) => self.forget(&fact),
                Err(RecvError::Lagged(_)) => self.forget(&Fact::Any),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn forget(&self, fact: &Fact) {
        let directory = &self.parts.directory;
        match fact {
            Fact::Person(id) => directory.forget_person(id),
            Fact::Usergroup(id) => directory.forget_usergroup(id),
            Fact::Any => directory.forget_everything(),
        }
    }
}
