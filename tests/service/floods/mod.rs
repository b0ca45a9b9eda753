//! Floods at Keylend's door: the real service goes on answering those who are genuine, whatever the
//! others send, or do not send.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crowds;
mod forgers;
mod line;
mod slow;

use crate::support::stage::{ALICE, Stage};

/// A stage whose `[server]` has these keys too.
async fn stage(server: &str) -> Stage {
    let change = |config: &str| config.replace("[server]\n", &format!("[server]\n{server}\n"));
    Stage::with(change, "").await
}

/// The value of one of the service's metrics.
async fn metric(stage: &Stage, name: &str) -> u64 {
    let (_, text) = stage.page("/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
        .trim()
        .parse()
        .unwrap()
}

async fn rejected(stage: &Stage, reason: &str) -> u64 {
    let name = format!("keylend_rejected_total{{reason=\"{reason}\"}}");
    metric(stage, &name).await
}

/// Alice types a command, and Slack gets its answer in time.
async fn alice_is_answered(stage: &Stage) {
    let answer = stage.answer(ALICE, "help").await;
    assert!(answer.says("/jit"), "{answer:?}");
}
