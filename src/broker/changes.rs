//! What Slack said has changed, until somebody looks at it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::UserId;

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
    /// Adds to what has changed, unless too much waits already.
    pub(super) fn add(&self, add: impl FnOnce(&mut Changed)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.people.len() + waiting.usergroups.len() < WAITING {
            add(&mut waiting);
            self.added.notify_one();
        }
    }

    /// Waits until something has changed, and takes all of it.
    pub(super) async fn take(&self) -> Changed {
        loop {
            let taken =
                std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.people.is_empty() || !taken.usergroups.is_empty() {
                return taken;
            }
            self.added.notified().await;
        }
    }
}
