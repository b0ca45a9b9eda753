//! Promise 2: Nothing is provisioned before its approval is committed, and nothing is provisioned before
//! its removal is committed: the intent, the expiry and everything needed to undo it are in the
//! store before the first call to a target.

use crate::support::{
    fixture::{ALICE, Fixture, REQUEST, SCOPE},
    target::Mood,
};

#[tokio::test]
async fn a_request_touches_no_target() {
    let fixture = Fixture::start().await;
    fixture.asked(REQUEST).await;
    assert_eq!(
        fixture.console.orders("grant") + fixture.console.orders("status"),
        0
    );
}

#[tokio::test]
async fn the_intent_and_the_end_are_logged_before_the_target_is_called() {
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Hanging);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;

    let log = serde_json::to_value(fixture.log().await).unwrap();
    let approved = log
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kind"] == "approved");
    let body = &approved.expect("the approval is in the log")["body"];
    assert_eq!(body["expires_at"], "2099-11-21T02:30:00Z");
    assert_eq!(body["layers"][0]["backend"], "console");
    assert_eq!(body["layers"][0]["params"]["role"], "app_writer");
    assert!(
        fixture
            .kinds()
            .await
            .contains(&"layer_inspected".to_owned())
    );
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn killed_between_intent_and_target_the_grant_is_made_after_the_restart() {
    let mut fixture = Fixture::start().await;
    fixture.console.mood("status", Mood::Hanging);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("status", 1).await;
    fixture.crash().await;
    assert_eq!(fixture.console.orders("grant"), 0);

    fixture.console.mood("status", Mood::Well);
    fixture.boot().await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn killed_between_intent_and_target_past_the_end_nothing_stays() {
    let mut fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Hanging);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    fixture.crash().await;

    fixture.console.mood("grant", Mood::Well);
    fixture.advance_minutes(31);
    fixture.boot().await;
    fixture.told(ALICE, "Nothing was left behind.").await;
    assert!(!fixture.console.admits("alice"));
    assert_eq!(
        fixture.console.orders("grant"),
        1,
        "nothing is made past the end"
    );
}

#[tokio::test]
async fn killed_between_target_and_record_the_access_is_neither_doubled_nor_forgotten() {
    let mut fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::LosingAnswers);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    fixture.crash().await;
    assert!(
        fixture.console.admits("alice"),
        "the target did it, nobody knows"
    );

    fixture.console.mood("grant", Mood::Well);
    fixture.clock.advance(std::time::Duration::from_secs(10));
    fixture.boot().await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    fixture.advance_minutes(31);
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
    let activated = fixture
        .kinds()
        .await
        .iter()
        .filter(|kind| *kind == "activated")
        .count();
    assert_eq!(activated, 1);
}

#[tokio::test]
async fn a_target_that_is_down_at_approval_is_retried_and_the_requester_told_why() {
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Failing);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    let approved = fixture.now();
    let told = fixture.told(ALICE, "`console` failed to grant it").await;
    assert!(told.says("503"), "{}", told.text);
    fixture.shows(&card, "Keylend keeps retrying").await;
    let ten_minutes = |fixture: &Fixture| (fixture.now() - approved).num_minutes() >= 10;
    fixture.until("ten minutes", ten_minutes).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);

    fixture.console.mood("grant", Mood::Well);
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    let told = fixture.sim.dm(ALICE);
    let told = told.iter().filter(|it| it.says("failed to grant it"));
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn a_target_that_is_down_for_half_of_the_time_fails_the_grant() {
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Failing);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    let approved = fixture.now();
    fixture.until_logged("failed", 1).await;
    let tried = (fixture.now() - approved).num_minutes();
    assert!((13..=17).contains(&tried), "given up after {tried} minutes");
    let orders = fixture.console.orders("grant");
    assert!((10..=60).contains(&orders), "{orders} orders");
}

#[tokio::test]
async fn two_layers_are_made_whole_or_not_at_all() {
    let fixture = Fixture::start().await;
    fixture.bastion.mood("grant", Mood::Refusing);
    let card = fixture
        .asked("request db-prod:admin 15m restore a table")
        .await;
    fixture.bob().click(&card, "approve").await;
    let card = fixture.shows(&card, "1 of 2").await;
    fixture.carol().click(&card, "approve").await;

    fixture.told(ALICE, "Nothing was left behind.").await;
    assert!(
        !fixture.console.admits("alice"),
        "the first layer was left behind"
    );
    assert!(!fixture.admitted(ALICE, "db-prod:admin").await);
    assert_eq!(fixture.kinds().await.last().unwrap(), "failed");
}
