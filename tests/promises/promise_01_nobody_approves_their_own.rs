//! Promise 1: Nobody approves their own request, and nobody approves without authority for that scope,
//! checked on the server at the moment of the click, on fresh facts about the person. No policy
//! that an operator writes can switch this off.

use std::time::Duration;

use slack_sim::{Fault, Kind, Message};

use crate::support::stage::{ALICE, BOB, CAROL, DAVE, GUEST, Has, REQUEST, SCOPE, STRANGER, Stage};

/// A click was refused: said privately, the card stays, nobody has access.
async fn refused(stage: &Stage, who: &str, card: &Message, words: &str) {
    stage.person(who).click(card, "approve").await;
    stage.answered(who, words).await;
    let shown = stage.sim.message(&card.channel, &card.ts).unwrap();
    assert!(
        shown.has("approve"),
        "the card is gone after a refused click"
    );
    assert!(!stage.admitted("alice@example.com", SCOPE).await);
    assert_eq!(stage.console.orders("make"), 0);
}

#[tokio::test]
async fn the_requester_is_refused_with_the_rule_s_reason() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    refused(&stage, ALICE, &card, "no-self-approval").await;
}

#[tokio::test]
async fn an_approver_who_asks_cannot_approve_either() {
    let stage = Stage::start().await;
    stage.jit(BOB, REQUEST).await;
    let card = stage.open_card().await;
    refused(&stage, BOB, &card, "no-self-approval").await;
}

#[tokio::test]
async fn whoever_is_in_no_approver_group_is_refused() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    refused(&stage, DAVE, &card, "approver-group").await;
}

#[tokio::test]
async fn guests_and_strangers_are_refused_even_in_the_approver_group() {
    let stage = Stage::start().await;
    stage.sim.set_group("S0DBA", [BOB, CAROL, GUEST, STRANGER]);
    let card = stage.asked(REQUEST).await;
    refused(&stage, GUEST, &card, "full members").await;
    refused(&stage, STRANGER, &card, "workspace").await;
}

#[tokio::test]
async fn whoever_left_the_group_a_minute_ago_is_refused() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage.sim.set_group("S0DBA", [CAROL]);
    stage.clock.advance(Duration::from_secs(61));
    refused(&stage, BOB, &card, "approver-group").await;
}

#[tokio::test]
async fn a_change_that_slack_tells_counts_at_once() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    // Known and fresh: Bob was looked at a moment ago.
    stage.person(BOB).click(&card, "deny").await;
    stage.sim.wait_until(|sim| sim.person(BOB).modal()).await;
    stage.sim.set_group("S0DBA", [CAROL]);
    stage.sim.send_group_change("S0DBA", &[], &[BOB]).await;
    refused(&stage, BOB, &card, "approver-group").await;
}

#[tokio::test]
async fn whoever_was_deactivated_is_refused() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage
        .sim
        .update_person(BOB, |bob| bob.kind = Kind::Deactivated);
    stage.clock.advance(Duration::from_secs(61));
    refused(&stage, BOB, &card, "full members").await;
}

#[tokio::test]
async fn no_facts_mean_no() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage.clock.advance(Duration::from_secs(61));
    stage.sim.fault("users.info", Fault::Status(500), 1000);
    refused(&stage, BOB, &card, "Slack").await;
}

#[tokio::test]
async fn a_requester_who_lost_their_right_meanwhile_receives_nothing() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage.sim.set_group("S0ENG", [DAVE]);
    stage.clock.advance(Duration::from_secs(61));
    refused(&stage, BOB, &card, "requester-group").await;
}

#[tokio::test]
async fn no_policy_of_an_operator_switches_it_off() {
    let policy = r#"
        @id("engineers-approve")
        permit (principal in Group::"engineers", action == Action::"approve", resource);
    "#;
    let stage = Stage::with(str::to_owned, policy).await;
    let card = stage.asked(REQUEST).await;
    refused(&stage, ALICE, &card, "no-self-approval").await;
    refused(&stage, GUEST, &card, "full members").await;
    stage.person(DAVE).click(&card, "approve").await;
    stage.shows(&card, "engineers-approve").await;
}

#[tokio::test]
async fn a_rule_that_cannot_be_evaluated_means_no() {
    let policy = r#"
        @id("broken")
        @reason("This rule breaks.")
        forbid (principal, action == Action::"approve", resource)
        when { context.duration * 9223372036854775807 > 0 };
    "#;
    let stage = Stage::with(str::to_owned, policy).await;
    let card = stage.asked(REQUEST).await;
    refused(&stage, BOB, &card, "rule").await;
}

#[tokio::test]
async fn two_approvals_are_two_people() {
    let stage = Stage::start().await;
    let card = stage
        .asked("request db-prod:admin 15m restore a table")
        .await;
    stage.bob().click(&card, "approve").await;
    let card = stage.shows(&card, "1 of 2").await;
    stage.bob().click(&card, "approve").await;
    stage.answered(BOB, "already approved").await;
    assert!(!stage.admitted(ALICE, "db-prod:admin").await);
    stage.carol().click(&card, "approve").await;
    stage.told(ALICE, "db-prod:admin").await;
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    assert!(stage.admitted(ALICE, "db-prod:admin").await);
}
