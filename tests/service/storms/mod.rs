//! Storms: much ends in the same second, on several replicas, while what it depends on hangs or
//! says that it has had enough.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hanging;
mod setup;
mod sweep;
mod throttled;
