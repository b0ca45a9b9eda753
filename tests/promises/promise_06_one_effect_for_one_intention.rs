//! Promise 6: One effect for one intention: a double click, a redelivered payload, two approvers at once, a
//! crash anywhere: the request still settles exactly once and no access is made twice or forgotten.

use std::time::Duration;

use chrono::TimeDelta;
use slack_sim::Delivery;

use crate::support::{
    fixture::{ALICE, APPROVALS, BOB, CAROL, Fixture, Has, REQUEST, SECURITY},
    target::Mood,
};

async fn count(fixture: &Fixture, kind: &str) -> usize {
    fixture
        .kinds()
        .await
        .iter()
        .filter(|other| *other == kind)
        .count()
}

#[tokio::test]
async fn two_approvers_click_together_and_one_approval_counts() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let (bob, carol) = (fixture.bob(), fixture.carol());
    tokio::join!(bob.click(&card, "approve"), carol.click(&card, "approve"));
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    // One of the two hears that the other was first.
    fixture
        .sim
        .wait_until(|_| {
            let answers = [bob.ephemerals(), carol.ephemerals()].concat();
            answers.into_iter().find(|answer| answer.says("already"))
        })
        .await;
    assert_eq!(count(&fixture, "approved").await, 1);
    assert_eq!(fixture.console.holders(), 1);
}

#[tokio::test]
async fn a_doubled_click_approves_once() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let bob = fixture.bob();
    tokio::join!(bob.click(&card, "approve"), bob.click(&card, "approve"));
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    fixture.answered(BOB, "already").await;
    assert_eq!(count(&fixture, "approved").await, 1);
}

#[tokio::test]
async fn approve_and_deny_together_settle_one_way() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let carol = fixture.carol();
    carol.click(&card, "deny").await;
    fixture.sim.wait_until(|_| carol.modal()).await;
    carol.fill("reason", "reason", "not during the freeze");
    let bob = fixture.bob();
    tokio::join!(bob.click(&card, "approve"), carol.submit());
    let decided = fixture
        .sim
        .wait_until(|sim| {
            let shown = sim.message(&card.channel, &card.ts)?;
            (!shown.has("approve")).then_some(shown)
        })
        .await;
    assert!(!decided.has("deny"));
    assert_eq!(
        count(&fixture, "approved").await + count(&fixture, "denied").await,
        1
    );
}

#[tokio::test]
async fn a_command_that_slack_delivers_twice_is_one_request() {
    let fixture = Fixture::start().await;
    let delivery = fixture.jit(ALICE, REQUEST).await;
    fixture.sim.redeliver(&delivery, &[]).await;
    fixture
        .sim
        .wait_until(|sim| sim.person(ALICE).ephemerals().len().ge(&2).then_some(()))
        .await;
    fixture.open_card().await;
    assert_eq!(count(&fixture, "requested").await, 1);
    let cards = fixture.sim.messages(APPROVALS);
    assert_eq!(cards.iter().filter(|card| card.has("approve")).count(), 1);
}

#[tokio::test]
async fn a_click_on_an_old_card_is_refused() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(10);
    fixture.jit(ALICE, "extend db-prod:write 10m").await;
    let extension = fixture.open_card().await;
    let old = extension.value_of("approve").unwrap().replace(".2", ".1");
    fixture
        .carol()
        .click_with_value(&extension, "approve", &old)
        .await;
    fixture.answered(CAROL, "newest message").await;
    assert_eq!(count(&fixture, "extended").await, 0);
}

#[tokio::test]
async fn a_crash_during_provisioning_grants_once() {
    let mut fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Hanging);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    fixture.crash().await;
    fixture.console.mood("grant", Mood::Well);
    fixture.boot().await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    assert_eq!(fixture.console.holders(), 1);
    assert_eq!(count(&fixture, "activated").await, 1);
    assert_eq!(fixture.grants(ALICE).len(), 1, "one card for one grant");
}

#[tokio::test]
async fn a_target_that_is_still_working_is_told_once_and_the_grant_becomes_active_when_it_is_done()
{
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Working);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    let looks = fixture.console.orders("status") + 5;
    fixture
        .in_time(|_| (fixture.console.orders("status") >= looks).then_some(()))
        .await;
    assert!(fixture.grants(ALICE).is_empty());
    assert!(!fixture.admitted(ALICE, "db-prod:write").await);

    fixture.console.mood("grant", Mood::Well);
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert_eq!(fixture.console.orders("grant"), 1);
    assert_eq!(count(&fixture, "layer_grant_failed").await, 0);
}

#[tokio::test]
async fn after_a_crash_a_target_that_is_still_working_is_told_the_same_once_more() {
    let mut fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Working);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    fixture.crash().await;
    fixture.boot().await;
    fixture.console.until_ordered("grant", 2).await;
    fixture.console.mood("grant", Mood::Well);
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let orders = fixture.console.documents().into_iter();
    let grants: Vec<_> = orders.filter(|order| order["action"] == "grant").collect();
    assert_eq!(grants.len(), 2);
    assert_eq!(grants[0], grants[1]);
}

/// The generations of the orders of one kind, in the order in which they came in.
fn generations(fixture: &Fixture, action: &str) -> Vec<u64> {
    let orders = fixture.console.documents().into_iter();
    orders
        .filter(|order| order["action"] == action)
        .map(|order| order["generation"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn every_new_intention_has_a_greater_generation_and_no_retry_or_restart_a_smaller_one() {
    let mut fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::LosingAnswers);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    fixture.console.mood("grant", Mood::Well);
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let granted = generations(&fixture, "grant");
    assert!(granted.len() >= 2, "{granted:?}");

    fixture.jit(ALICE, "extend db-prod:write 20m").await;
    fixture
        .bob()
        .click(&fixture.open_card().await, "approve")
        .await;
    fixture
        .console
        .until_ordered("grant", granted.len() + 1)
        .await;
    let extended = generations(&fixture, "grant");
    assert!(extended[granted.len()] > granted[granted.len() - 1]);

    fixture.audited("*extended*").await;
    fixture.console.mood("revoke", Mood::Failing);
    fixture.jit(ALICE, "done").await;
    fixture.console.until_ordered("revoke", 1).await;
    fixture.crash().await;
    fixture.boot().await;
    fixture.console.mood("revoke", Mood::Well);
    fixture.ended(1).await;
    let revoked = generations(&fixture, "revoke");
    assert!(revoked[0] > *extended.last().unwrap());

    let all = [extended, revoked].concat();
    assert!(all.is_sorted(), "{all:?}");
}

#[tokio::test]
async fn an_order_that_is_refused_as_too_old_counts_only_if_nothing_newer_was_decided() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend db-prod:write 20m").await;
    let card = fixture.open_card().await;
    fixture.console.mood("grant", Mood::Hanging);
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 2).await;
    fixture.audited("*extended*").await;

    // The request has changed since the order was sent.
    fixture.jit(ALICE, "extend db-prod:write 10m").await;
    fixture.audited("requested 10m more").await;
    fixture.console.mood("grant", Mood::SupersedingOnce);
    fixture.console.until_ordered("grant", 3).await;
    fixture.audited("granted access until").await;
    assert_eq!(count(&fixture, "layer_grant_failed").await, 0);

    // Nothing has changed: the target contradicts the log, which is a failure and tried again.
    fixture.console.mood("revoke", Mood::SupersedingOnce);
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    assert_eq!(count(&fixture, "layer_revoke_failed").await, 1);
}

/// Somebody at the proxy keeps what Slack signed, and sends it again within the 300 seconds for which the
/// signature counts, also to a replica that was not there the first time.
#[tokio::test]
async fn a_replayed_request_is_processed_once() {
    let mut fixture = Fixture::start().await;
    fixture.end(SECURITY, "lock db-prod:write a leak").await;
    let lock = submission(&fixture);
    until_logged(&fixture, "locked", 1).await;
    let unlock = fixture.jit(SECURITY, "unlock db-prod:write").await;
    until_logged(&fixture, "unlocked", 1).await;
    fixture.granted(REQUEST).await;
    let extend = fixture.jit(ALICE, "extend db-prod:write 10m").await;
    until_logged(&fixture, "extension_requested", 1).await;
    let extension = fixture.open_card().await;
    fixture.bob().click(&extension, "approve").await;
    until_logged(&fixture, "extended", 1).await;
    fixture.end(SECURITY, "revoke @alice enough").await;
    let revoke = submission(&fixture);
    until_logged(&fixture, "ended", 1).await;
    let release = fixture.jit(SECURITY, "release alice a new laptop").await;
    until_logged(&fixture, "name_released", 1).await;
    fixture
        .granted("request db-prod:write 30m INC-4212 writes fail again")
        .await;
    let done = fixture.jit(ALICE, "done").await;
    until_logged(&fixture, "ended", 2).await;
    // There is something again that each of them could do.
    fixture
        .granted("request db-prod:write 30m INC-4213 writes fail again")
        .await;
    fixture.end(SECURITY, "lock lab:use a leak").await;
    until_logged(&fixture, "locked", 2).await;
    let before = fixture.kinds().await;

    fixture.crash().await;
    fixture.boot().await;
    for delivery in [&lock, &unlock, &extend, &revoke, &release, &done] {
        let is_signed = fixture.now() - delivery.at < TimeDelta::seconds(300);
        assert!(is_signed, "the machine was too slow: nothing is shown");
        assert_eq!(replay(&fixture, delivery).await, 200);
    }
    // What comes behind them is done.
    fixture.jit(SECURITY, "unlock lab:use").await;
    until_logged(&fixture, "unlocked", 2).await;
    fixture.stop().await;
    let mut after = fixture.kinds().await;
    assert_eq!(after.pop().as_deref(), Some("unlocked"));
    assert_eq!(after, before);
}

/// Waits until the log has so many entries of this kind, while the clock stands still.
async fn until_logged(fixture: &Fixture, kind: &str, times: usize) {
    let logged = async { while count(fixture, kind).await < times {} };
    let logged = tokio::time::timeout(Duration::from_secs(60), logged).await;
    logged.unwrap_or_else(|_| panic!("the log has not {times} of {kind}"));
}

/// Sends what Slack sent once more, byte for byte, and answers the status.
/// The last form that somebody submitted.
fn submission(fixture: &Fixture) -> Delivery {
    let deliveries = fixture.sim.deliveries().into_iter();
    let mut submissions = deliveries.filter(|it| it.payload["type"] == "view_submission");
    submissions.next_back().unwrap()
}

async fn replay(fixture: &Fixture, delivery: &Delivery) -> u16 {
    let timestamp = delivery.at.timestamp();
    let signature = slack_sim::signature(slack_sim::SIGNING_SECRET, timestamp, &delivery.sent);
    let request = reqwest::Client::new()
        .post(fixture.url(&delivery.path))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", timestamp.to_string())
        .header("x-slack-signature", signature)
        .body(delivery.sent.clone());
    request.send().await.unwrap().status().as_u16()
}
