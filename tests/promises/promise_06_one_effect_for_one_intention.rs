//! Promise 6: One effect for one intention: a double click, a redelivered payload, two approvers at once, a
//! crash anywhere: the request still settles exactly once and no access is made twice or forgotten.

use crate::support::{
    stage::{ALICE, APPROVALS, BOB, CAROL, Has, REQUEST, Stage},
    target::Mood,
};

async fn count(stage: &Stage, kind: &str) -> usize {
    stage
        .kinds()
        .await
        .iter()
        .filter(|other| *other == kind)
        .count()
}

#[tokio::test]
async fn two_approvers_click_together_and_one_approval_counts() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    let (bob, carol) = (stage.bob(), stage.carol());
    tokio::join!(bob.click(&card, "approve"), carol.click(&card, "approve"));
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    // One of the two hears that the other was first.
    stage
        .sim
        .wait_until(|_| {
            let answers = [bob.ephemerals(), carol.ephemerals()].concat();
            answers.into_iter().find(|answer| answer.says("already"))
        })
        .await;
    assert_eq!(count(&stage, "approved").await, 1);
    assert_eq!(stage.console.holders(), 1);
}

#[tokio::test]
async fn a_doubled_click_approves_once() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    let bob = stage.bob();
    tokio::join!(bob.click(&card, "approve"), bob.click(&card, "approve"));
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    stage.answered(BOB, "already").await;
    assert_eq!(count(&stage, "approved").await, 1);
}

#[tokio::test]
async fn approve_and_deny_together_settle_one_way() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    let carol = stage.carol();
    carol.click(&card, "deny").await;
    stage.sim.wait_until(|_| carol.modal()).await;
    carol.fill("reason", "reason", "not during the freeze");
    let bob = stage.bob();
    tokio::join!(bob.click(&card, "approve"), carol.submit());
    let decided = stage
        .sim
        .wait_until(|sim| {
            let shown = sim.message(&card.channel, &card.ts)?;
            (!shown.has("approve")).then_some(shown)
        })
        .await;
    assert!(!decided.has("deny"));
    assert_eq!(
        count(&stage, "approved").await + count(&stage, "denied").await,
        1
    );
}

#[tokio::test]
async fn a_command_that_slack_delivers_twice_is_one_request() {
    let stage = Stage::start().await;
    let delivery = stage.jit(ALICE, REQUEST).await;
    stage.sim.redeliver(&delivery, &[]).await;
    stage
        .sim
        .wait_until(|sim| sim.person(ALICE).ephemerals().len().ge(&2).then_some(()))
        .await;
    stage
        .until("the card", |stage| {
            !stage.sim.messages(APPROVALS).is_empty()
        })
        .await;
    assert_eq!(count(&stage, "requested").await, 1);
    let cards = stage.sim.messages(APPROVALS);
    assert_eq!(cards.iter().filter(|card| card.has("approve")).count(), 1);
}

#[tokio::test]
async fn a_click_on_an_old_card_is_refused() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.advance_minutes(10);
    stage.jit(ALICE, "extend db-prod:write 10m").await;
    let extension = stage.open_card().await;
    let old = extension.value_of("approve").unwrap().replace(".2", ".1");
    stage
        .carol()
        .click_with_value(&extension, "approve", &old)
        .await;
    stage.answered(CAROL, "newest message").await;
    assert_eq!(count(&stage, "extended").await, 0);
}

#[tokio::test]
async fn a_crash_while_making_makes_once() {
    let mut stage = Stage::start().await;
    stage.console.mood("grant", Mood::Hanging);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    stage.crash().await;
    stage.console.mood("grant", Mood::Well);
    stage.boot().await;
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    assert_eq!(stage.console.holders(), 1);
    assert_eq!(count(&stage, "activated").await, 1);
    assert_eq!(stage.grants(ALICE).len(), 1, "one card for one grant");
}

#[tokio::test]
async fn a_target_that_is_still_working_is_told_once_and_the_grant_becomes_active_when_it_is_done()
{
    let stage = Stage::start().await;
    stage.console.mood("grant", Mood::Working);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    let looks = stage.console.orders("status") + 5;
    stage
        .in_time(|_| (stage.console.orders("status") >= looks).then_some(()))
        .await;
    assert!(stage.grants(ALICE).is_empty());
    assert!(!stage.admitted(ALICE, "db-prod:write").await);

    stage.console.mood("grant", Mood::Well);
    stage.in_time(|_| stage.grants(ALICE).pop()).await;
    assert_eq!(stage.console.orders("grant"), 1);
    assert_eq!(count(&stage, "layer_grant_failed").await, 0);
}

#[tokio::test]
async fn after_a_crash_a_target_that_is_still_working_is_told_the_same_once_more() {
    let mut stage = Stage::start().await;
    stage.console.mood("grant", Mood::Working);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    stage.crash().await;
    stage.boot().await;
    stage.console.until_ordered("grant", 2).await;
    stage.console.mood("grant", Mood::Well);
    stage.in_time(|_| stage.grants(ALICE).pop()).await;
    let orders = stage.console.documents().into_iter();
    let grants: Vec<_> = orders.filter(|order| order["action"] == "grant").collect();
    assert_eq!(grants.len(), 2);
    assert_eq!(grants[0], grants[1]);
}

/// The generations of the orders of one kind, in the order in which they came in.
fn generations(stage: &Stage, action: &str) -> Vec<u64> {
    let orders = stage.console.documents().into_iter();
    orders
        .filter(|order| order["action"] == action)
        .map(|order| order["generation"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn every_new_intention_has_a_greater_generation_and_no_retry_or_restart_a_smaller_one() {
    let mut stage = Stage::start().await;
    stage.console.mood("grant", Mood::LosingAnswers);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    stage.console.mood("grant", Mood::Well);
    stage.in_time(|_| stage.grants(ALICE).pop()).await;
    let granted = generations(&stage, "grant");
    assert!(granted.len() >= 2, "{granted:?}");

    stage.jit(ALICE, "extend db-prod:write 20m").await;
    stage.bob().click(&stage.open_card().await, "approve").await;
    stage
        .console
        .until_ordered("grant", granted.len() + 1)
        .await;
    let extended = generations(&stage, "grant");
    assert!(extended[granted.len()] > granted[granted.len() - 1]);

    stage.audited("*extended*").await;
    stage.console.mood("revoke", Mood::Failing);
    stage.jit(ALICE, "done").await;
    stage.console.until_ordered("revoke", 1).await;
    stage.crash().await;
    stage.boot().await;
    stage.console.mood("revoke", Mood::Well);
    stage.ended(1).await;
    let revoked = generations(&stage, "revoke");
    assert!(revoked[0] > *extended.last().unwrap());

    let all = [extended, revoked].concat();
    assert!(all.is_sorted(), "{all:?}");
}

#[tokio::test]
async fn an_order_that_is_refused_as_too_old_counts_only_if_nothing_newer_was_decided() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(ALICE, "extend db-prod:write 20m").await;
    let card = stage.open_card().await;
    stage.console.mood("grant", Mood::Hanging);
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 2).await;
    stage.audited("*extended*").await;

    // The request has changed since the order was sent.
    stage.jit(ALICE, "extend db-prod:write 10m").await;
    stage.audited("asked for 10m more").await;
    stage.console.mood("grant", Mood::SupersedingOnce);
    stage.console.until_ordered("grant", 3).await;
    stage.audited("gives access until").await;
    assert_eq!(count(&stage, "layer_grant_failed").await, 0);

    // Nothing has changed: the target contradicts the log, which is a failure and tried again.
    stage.console.mood("revoke", Mood::SupersedingOnce);
    stage.jit(ALICE, "done").await;
    stage.ended(1).await;
    assert_eq!(count(&stage, "layer_revoke_failed").await, 1);
}
