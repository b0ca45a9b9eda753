//! The service and its program: configuration and deployment, the check, the log as evidence, and
//! what it withstands.

#[path = "../support/story.rs"]
mod story;
#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    reason = "each test program uses its own part of the fixture"
)]
mod support;

mod audit;
mod browser;
mod config;
mod deploy;
mod evaluation;
mod floods;
mod killed;
mod leavers;
mod storms;
mod targets;

use support::clock;
