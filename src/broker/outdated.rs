//! Facts that Slack says are old: nobody decides on them any more, whichever replica was told. The
//! replica that was told looks at once whether somebody left who holds access.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Notify, broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use super::Broker;
use crate::{
    domain::UserId,
    store::{Invalidation, StoreError},
};

/// How many facts wait until they are looked at; the round through all holders finds the rest.
const WAITING: usize = 10_000;

/// What Slack said has changed, and nobody looked at yet.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: Mutex<Changed>,
    added: Notify,
}

/// What Slack said has changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// People of whom it did not deny that they are anything but full members.
    pub people: BTreeSet<UserId>,
    /// User groups, by their ids.
    pub usergroups: BTreeSet<String>,
}

impl Changes {
    fn add(&self, add: impl FnOnce(&mut Changed)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.people.len() + waiting.usergroups.len() < WAITING {
            add(&mut waiting);
            self.added.notify_one();
        }
    }
}

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
        loop {
            let waiting = &self.changes.waiting;
            let taken =
                std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.people.is_empty() || !taken.usergroups.is_empty() {
                return taken;
            }
            self.changes.added.notified().await;
        }
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
