//! Storms: much ends in the same second, on several replicas, while what it depends on hangs or
//! says that it has had enough.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/story.rs"]
mod story;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test program uses its own part of the stage")]
mod support;

mod brew;
mod hanging;
mod sweep;
mod throttled;

use support::clock;
