//! Ends that could not be recorded, and when their targets were told all the same.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::{RequestId, Time};

/// How long a target is left alone after it was told of an end that could not be recorded.
const AGAIN: Duration = Duration::from_secs(30);

/// When each grant was last revoked without a record.
#[derive(Default)]
pub(super) struct Unrecorded(Mutex<BTreeMap<RequestId, Time>>);

impl Unrecorded {
    /// Whether it is time to revoke the grant, which counts as done from then on.
    pub(super) fn is_due(&self, id: RequestId, now: Time) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, at| *at + AGAIN > now);
        match last.contains_key(&id) {
            true => false,
            false => last.insert(id, now).is_none(),
        }
    }
}
