//! What somebody wants done, for tests that speak with the broker themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use keylend::{
    broker::Intent,
    domain::{DeliveryKey, UserId},
};

/// What somebody wants done, by a delivery of its own.
pub fn intent(by: &UserId) -> Intent {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Intent::new(by.clone(), DeliveryKey::derive(&number.to_be_bytes()))
}
