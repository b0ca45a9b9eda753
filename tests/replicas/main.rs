//! Several replicas of the program on one PostgreSQL server, with a load balancer before them: the
//! real processes, killed, stopped and woken, and the promises hold as they do for one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "what led to a failure is shown with it"
)]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    reason = "each test program uses its own part of the fixture"
)]
mod support;

mod balancer;
mod clicks;
mod configurations;
mod crowd;
mod faults;
mod leaving;
mod replica;
mod rng;
mod shown;
mod stopped;
mod store_away;
mod storm;
mod taken_over;
mod world;
