//! Floods at Keylend's door: the real service goes on answering those who are genuine, whatever the
//! others send, or do not send.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crowds;
mod forgers;
mod line;
mod slow;

use crate::support::fixture::{ALICE, Fixture};

/// A fixture whose `[server]` has these keys too.
async fn fixture(server: &str) -> Fixture {
    let change = |config: &str| config.replace("[server]\n", &format!("[server]\n{server}\n"));
    Fixture::with(change, "").await
}

/// The value of one of the service's metrics.
async fn metric(fixture: &Fixture, name: &str) -> u64 {
    let (_, text) = fixture.page("/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
        .trim()
        .parse()
        .unwrap()
}

async fn rejected(fixture: &Fixture, reason: &str) -> u64 {
    let name = format!("keylend_rejected_total{{reason=\"{reason}\"}}");
    metric(fixture, &name).await
}

/// Alice types a command, and Slack gets its answer in time.
async fn alice_is_answered(fixture: &Fixture) {
    let answer = fixture.answer(ALICE, "help").await;
    // What Slack says of an app that does not answer names `/jit` too.
    assert!(answer.says("opens a form to request access"), "{answer:?}");
}
