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

mod attempts;
mod audit;
mod browser;
mod check;
mod clocks;
mod config;
mod deploy;
mod evaluation;
mod exhausted;
mod floods;
mod formats;
mod killed;
mod leavers;
mod oncall;
mod policy;
mod reconcile;
mod reference;
mod storms;
mod targets;
mod ticket_patterns;
mod ticket_settings;

use support::clock;
