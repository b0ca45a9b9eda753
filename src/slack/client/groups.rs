//! Groups that Slack did not know a moment ago. Every decision that could depend on one asks for it,
//! and Slack allows 20 such questions a minute in all: without this, one deleted group would use
//! them up and make every other group unknown too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, domain::Time};

/// How long a group that is unknown is not asked for again.
const REST: Duration = Duration::from_secs(20);

/// How many are kept: as many as a configuration could name.
const MOST: usize = 1_000;

pub(in crate::slack) struct UnknownGroups {
    clock: Arc<dyn Clock>,
    until: Mutex<HashMap<String, Time>>,
}

impl UnknownGroups {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let until = Mutex::default();
        Self { clock, until }
    }

    pub(in crate::slack) fn contains(&self, id: &str) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(id).is_some_and(|until| self.clock.now() < *until)
    }

    pub(in crate::slack) fn insert(&self, id: &str) {
        let now = self.clock.now();
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, until| now < *until);
        if until.len() < MOST {
            until.insert(id.to_owned(), now + REST);
        }
    }
}
