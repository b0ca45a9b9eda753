//! Promise 3: Expiry is a fact, not a job. From `expires_at` on, every check answers no, whether or not the
//! sweeper has run.

use std::time::Duration;

use serde_json::json;
use slack_sim::Fault;

use crate::support::{
    fixture::{ALICE, Fixture, REQUEST, SCOPE},
    target::Mood,
};

#[tokio::test]
async fn the_check_says_yes_to_the_last_moment_and_no_from_the_end_on() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let answer = fixture.check("Alice@example.com", SCOPE).await;
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:30:00.000Z");

    // The target can neither be reached nor read: no sweep gets anywhere.
    fixture.console.mood("revoke", Mood::Hanging);
    fixture
        .clock
        .advance(Duration::from_millis(30 * 60 * 1000 - 1));
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.clock.advance(Duration::from_millis(1));
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert!(
        fixture.console.admits("alice"),
        "the target has not been swept"
    );
}

#[tokio::test]
async fn access_ends_on_time_after_a_crash() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.crash().await;
    fixture.advance_minutes(45);
    fixture.boot().await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn access_ends_on_time_while_slack_refuses_the_token() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.crash().await;
    fixture
        .sim
        .fault("auth.test", Fault::error("invalid_auth"), 1_000);
    fixture.advance_minutes(45);
    fixture.boot_unready().await;
    fixture.console.until_ordered("revoke", 1).await;
    let (status, page) = fixture.page("/readyz").await;
    assert_eq!(status, 503);
    assert!(page.contains(r#""slack":false"#), "{page}");
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    let answer = fixture.jit(ALICE, "status").await;
    assert_eq!(answer.status, 503, "nobody is told from a stranger yet");

    fixture.sim.heal();
    fixture
        .until("Slack", |fixture| {
            fixture.sim.dm(ALICE).iter().any(|dm| dm.says("has ended:"))
        })
        .await;
    assert!(!fixture.console.admits("alice"));
}

#[tokio::test]
async fn the_clock_starts_at_the_approval() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.advance_minutes(20);
    fixture.bob().click(&card, "approve").await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    let answer = fixture.check(ALICE, SCOPE).await;
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:50:00.000Z");
}

#[tokio::test]
async fn a_request_that_nobody_answers_lapses_and_cannot_be_approved_after() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.advance_minutes(60);
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "lapsed").await;
    fixture.shows(&card, "Lapsed").await;
    assert_eq!(fixture.console.orders("grant"), 0);
}

/// Has the console say that the access ends by itself after so many minutes.
fn ends_by_itself(fixture: &Fixture, minutes: i64) {
    let ends_at = fixture.in_minutes(minutes).to_rfc3339();
    fixture.console.answers(json!({ "ends_at": ends_at }));
}

#[tokio::test]
async fn a_grant_ends_when_its_target_ends_it_and_everybody_is_told_that_end() {
    let fixture = Fixture::start().await;
    ends_by_itself(&fixture, 12);
    let grant = fixture.granted(REQUEST).await;
    let until = "2099-11-21 02:12 UTC";
    assert!(grant.says(until), "{}", grant.all_text());
    let answer = fixture.answer(ALICE, "status").await;
    assert!(answer.says(until), "{}", answer.text);
    let line = fixture.audited("`console` granted access until").await;
    assert!(line.says(until), "{}", line.text);
    let answer = fixture.check(ALICE, SCOPE).await;
    assert_eq!(answer["context"]["expires_at"], "2099-11-21T02:12:00.000Z");

    fixture.advance_minutes(12);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended: expired").await;
}

#[tokio::test]
async fn more_time_is_added_to_the_end_that_everybody_was_told() {
    let fixture = Fixture::start().await;
    ends_by_itself(&fixture, 12);
    fixture.granted(REQUEST).await;
    fixture.console.answers(json!({}));
    fixture.jit(ALICE, "extend 15m").await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "02:27 UTC").await;
    fixture.advance_minutes(26);
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.advance_minutes(1);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}
