//! Promise 2: Nothing is provisioned before its approval is committed, and nothing is provisioned before
//! its removal is committed: the intent, the expiry and everything needed to undo it are in the
//! store before the first call to a target.

use crate::support::{
    stage::{ALICE, REQUEST, SCOPE, Stage},
    target::Mood,
};

#[tokio::test]
async fn a_request_touches_no_target() {
    let stage = Stage::start().await;
    stage.asked(REQUEST).await;
    assert_eq!(
        stage.console.orders("grant") + stage.console.orders("status"),
        0
    );
}

#[tokio::test]
async fn when_the_target_is_first_called_the_intent_and_the_end_are_in_the_log() {
    let stage = Stage::start().await;
    stage.console.mood("grant", Mood::Hanging);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;

    let log = serde_json::to_value(stage.log().await).unwrap();
    let approved = log
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kind"] == "approved");
    let body = &approved.expect("the approval is in the log")["body"];
    assert_eq!(body["expires_at"], "2099-11-21T02:30:00Z");
    assert_eq!(body["layers"][0]["backend"], "console");
    assert_eq!(body["layers"][0]["params"]["role"], "app_writer");
    assert!(stage.kinds().await.contains(&"layer_inspected".to_owned()));
    assert!(!stage.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn killed_between_intent_and_target_the_grant_is_made_after_the_restart() {
    let mut stage = Stage::start().await;
    stage.console.mood("status", Mood::Hanging);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("status", 1).await;
    stage.crash().await;
    assert_eq!(stage.console.orders("grant"), 0);

    stage.console.mood("status", Mood::Well);
    stage.boot().await;
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    assert!(stage.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn killed_between_intent_and_target_past_the_end_nothing_stays() {
    let mut stage = Stage::start().await;
    stage.console.mood("grant", Mood::Hanging);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    stage.crash().await;

    stage.console.mood("grant", Mood::Well);
    stage.advance_minutes(31);
    stage.boot().await;
    stage.told(ALICE, "Nothing of it is left.").await;
    assert!(!stage.console.admits("alice"));
    assert_eq!(
        stage.console.orders("grant"),
        1,
        "nothing is made past the end"
    );
}

#[tokio::test]
async fn killed_between_target_and_record_the_access_is_neither_doubled_nor_forgotten() {
    let mut stage = Stage::start().await;
    stage.console.mood("grant", Mood::LosingAnswers);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    stage.crash().await;
    assert!(
        stage.console.admits("alice"),
        "the target did it, nobody knows"
    );

    stage.console.mood("grant", Mood::Well);
    stage.clock.advance(std::time::Duration::from_secs(10));
    stage.boot().await;
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    stage.advance_minutes(31);
    stage.told(ALICE, "has ended:").await;
    assert!(!stage.console.admits("alice"));
    let activated = stage
        .kinds()
        .await
        .iter()
        .filter(|kind| *kind == "activated")
        .count();
    assert_eq!(activated, 1);
}

#[tokio::test]
async fn two_layers_are_made_whole_or_not_at_all() {
    let stage = Stage::start().await;
    stage.bastion.mood("grant", Mood::Refusing);
    let card = stage
        .asked("request db-prod:admin 15m restore a table")
        .await;
    stage.bob().click(&card, "approve").await;
    let card = stage.shows(&card, "1 of 2").await;
    stage.carol().click(&card, "approve").await;

    stage.told(ALICE, "Nothing of it is left.").await;
    assert!(
        !stage.console.admits("alice"),
        "the first layer was left behind"
    );
    assert!(!stage.admitted(ALICE, "db-prod:admin").await);
    assert_eq!(stage.kinds().await.last().unwrap(), "failed");
}
