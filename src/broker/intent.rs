//! What somebody wants done, which is done once however often it is delivered.
//!
//! Anything that can read what Slack sends, such as a proxy, can send it again for as long as its signature
//! counts. Most of it says what it was meant for and changes nothing the second time; `/jit unlock` or
//! `/jit revoke @alice` would. So the key of the delivery is in the commit of what it does, and nothing
//! with the same key is committed again, on any replica.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::{DeliveryKey, UserId};

/// Who wants something done, and by which delivery.
#[derive(Debug)]
pub struct Intent {
    by: UserId,
    delivery: DeliveryKey,
    is_committed: AtomicBool,
    is_refused: AtomicBool,
}

impl Intent {
    /// What `by` wants done by `delivery`.
    pub fn new(by: UserId, delivery: DeliveryKey) -> Self {
        Self {
            by,
            delivery,
            is_committed: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        }
    }

    /// Who wants it done.
    pub fn by(&self) -> &UserId {
        &self.by
    }

    /// The key for the next commit. What takes several commits, such as ending all that a person holds,
    /// has it in the first one.
    pub(super) fn key(&self) -> Option<DeliveryKey> {
        let is_committed = self.is_committed.load(Ordering::Acquire);
        (!is_committed).then(|| self.delivery.clone())
    }

    /// Whether nothing of it was refused before. What is about several grants is one attempt.
    pub(super) fn is_first_refusal(&self) -> bool {
        !self.is_refused.swap(true, Ordering::AcqRel)
    }

    /// Notes that a commit with the key came about.
    pub(super) fn note_committed(&self) {
        self.is_committed.store(true, Ordering::Release);
    }
}
