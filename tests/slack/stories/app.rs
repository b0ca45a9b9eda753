//! A Slack app that lacks something: whoever can fix it reads what, and nobody else is blamed.

use std::time::Duration;

use crate::support::fixture::{ALICE, BOB, Fixture, REQUEST, workspace};

const MANIFEST: &str = include_str!("../../../manifest.yml");

/// A manifest without the scope for addresses.
fn without_addresses() -> String {
    let lines = MANIFEST.lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.contains("users:read.email"))
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn a_missing_scope_is_named_to_whoever_runs_keylend_and_not_blamed_on_the_requester() {
    let workspace = workspace().manifest(&without_addresses()).unwrap();
    let fixture = Fixture::of(workspace).await;
    fixture
        .audited(
            "*Alert* `slack_scope_missing:users:read.email`: The Slack app lacks the scope \
             users:read.email. Add it under OAuth",
        )
        .await;
    let answer = fixture.answer(ALICE, REQUEST).await;
    let words = "its app lacks the scope `users:read.email`";
    assert!(answer.says(words), "{}", answer.text);
    assert!(!answer.says("Confirm"), "{}", answer.text);

    fixture.sim.reinstall(MANIFEST);
    fixture
        .audited("*Cleared* `slack_scope_missing:users:read.email`")
        .await;
    fixture.clock.advance(Duration::from_secs(61));
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn an_approver_is_not_blamed_for_a_missing_scope_either() {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.stop().await;
    fixture.sim.reinstall(&without_addresses());
    fixture.boot().await;
    fixture
        .audited("*Alert* `slack_scope_missing:users:read.email`")
        .await;
    fixture.bob().click(&card, "approve").await;
    fixture
        .answered(BOB, "its app lacks the scope `users:read.email`")
        .await;
    // Which is why, and not who is in the group.
    let (_, page) = fixture.page("/readyz").await;
    assert!(!page.contains("nobody_can_approve"), "{page}");
}

#[tokio::test]
async fn an_app_with_all_its_scopes_is_nothing_to_tell() {
    let fixture = Fixture::start().await;
    fixture.asked(REQUEST).await;
    let (_, page) = fixture.page("/readyz").await;
    assert!(page.contains("\"degraded\":[]"), "{page}");
}
