//! Promise 3: Expiry is a fact, not a job. From `expires_at` on, every check answers no, whether or not the
//! sweeper has run.

use std::time::Duration;

use slack_sim::Fault;

use crate::support::{
    stage::{ALICE, REQUEST, SCOPE, Stage},
    target::Mood,
};

#[tokio::test]
async fn the_check_says_yes_to_the_last_moment_and_no_from_the_end_on() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    let answer = stage.check("Alice@example.com", SCOPE).await;
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:30:00.000Z");

    // The target can neither be reached nor read: no sweep gets anywhere.
    stage.console.mood("revoke", Mood::Hanging);
    stage
        .clock
        .advance(Duration::from_millis(30 * 60 * 1000 - 1));
    assert!(stage.admitted(ALICE, SCOPE).await);
    stage.clock.advance(Duration::from_millis(1));
    assert!(!stage.admitted(ALICE, SCOPE).await);
    assert!(
        stage.console.admits("alice"),
        "the target has not been swept"
    );
}

#[tokio::test]
async fn it_ends_on_time_although_the_service_was_dead() {
    let mut stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.crash().await;
    stage.advance_minutes(45);
    stage.boot().await;
    assert!(!stage.admitted(ALICE, SCOPE).await);
    stage.told(ALICE, "has ended:").await;
    assert!(!stage.console.admits("alice"));
}

#[tokio::test]
async fn it_ends_on_time_although_slack_refuses_the_token() {
    let mut stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.crash().await;
    stage
        .sim
        .fault("auth.test", Fault::error("invalid_auth"), 1_000);
    stage.advance_minutes(45);
    stage.boot_unready().await;
    stage.console.until_ordered("revoke", 1).await;
    let (status, page) = stage.page("/readyz").await;
    assert_eq!(status, 503);
    assert!(page.contains(r#""slack":false"#), "{page}");
    assert!(!stage.admitted(ALICE, SCOPE).await);
    let answer = stage.jit(ALICE, "status").await;
    assert_eq!(answer.status, 503, "nobody is told from a stranger yet");

    stage.sim.heal();
    stage
        .until("Slack", |stage| {
            stage.sim.dm(ALICE).iter().any(|dm| dm.says("has ended:"))
        })
        .await;
    assert!(!stage.console.admits("alice"));
}

#[tokio::test]
async fn the_clock_starts_at_the_approval() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage.advance_minutes(20);
    stage.bob().click(&card, "approve").await;
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    let answer = stage.check(ALICE, SCOPE).await;
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:50:00.000Z");
}

#[tokio::test]
async fn a_request_that_nobody_answers_lapses_and_cannot_be_approved_after() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage.advance_minutes(60);
    stage.bob().click(&card, "approve").await;
    stage.told(ALICE, "lapsed").await;
    stage.shows(&card, "Lapsed").await;
    assert_eq!(stage.console.orders("grant"), 0);
}
