//! Promise 11: A name in a target belongs to one person: the one who was first granted access under
//! it, until an administrator releases it.

use crate::support::stage::{ALICE, DAVE, Has, REQUEST, SCOPE, SECURITY, Stage};

/// `[people]` with the name `shared` for one Slack id.
fn shared_name_of(id: &str) -> String {
    format!("[people.{id}]\nusername = \"shared\"\nslack_ids = [\"{id}\"]\n")
}

/// Alice was granted access under a name that the configuration gives to Dave today.
async fn daves_name_was_alices() -> Stage {
    let mut stage = Stage::with(|config| shared_name_of(ALICE) + config, "").await;
    stage.granted(REQUEST).await;
    stage.jit(ALICE, "done").await;
    stage.ended(1).await;
    stage.stop().await;
    stage.reconfigure(|config| config.replace(&shared_name_of(ALICE), &shared_name_of(DAVE)));
    stage.boot().await;
    stage
}

#[tokio::test]
async fn a_name_that_another_person_has_used_is_refused_when_asking() {
    let stage = daves_name_was_alices().await;
    stage.jit(DAVE, REQUEST).await;
    stage.answered(DAVE, "belongs to another person").await;
    let kinds = stage.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "requested").count(), 1);
}

#[tokio::test]
async fn the_first_approval_binds_a_name_and_asking_does_not() {
    let mut stage = Stage::with(|config| shared_name_of(ALICE) + config, "").await;
    let by_alice = stage.asked(REQUEST).await;
    stage.stop().await;
    stage.reconfigure(|config| config.replace(&shared_name_of(ALICE), &shared_name_of(DAVE)));
    stage.boot().await;
    // Alice has asked under the name and keeps nobody from it.
    stage.jit(DAVE, REQUEST).await;
    let by_dave = stage
        .in_time(|sim| {
            let cards = sim.messages(&by_alice.channel);
            let mut cards = cards.into_iter();
            cards.find(|card| card.has("approve") && card.ts != by_alice.ts)
        })
        .await;
    stage.bob().click(&by_dave, "approve").await;
    stage.in_time(|_| stage.grants(DAVE).pop()).await;
    // Now the name is Dave's, and what Alice asked for cannot be approved.
    stage.carol().click(&by_alice, "approve").await;
    stage
        .answered(crate::support::stage::CAROL, "belongs to another person")
        .await;
    assert!(!stage.admitted(ALICE, SCOPE).await);
    assert!(stage.admitted(DAVE, SCOPE).await);
}

#[tokio::test]
async fn an_administrator_releases_a_name_and_the_log_says_so() {
    let stage = daves_name_was_alices().await;
    stage
        .jit(DAVE, "release shared because Alice has another login")
        .await;
    stage.answered(DAVE, "administrators").await;
    stage
        .jit(SECURITY, "release shared because Alice has another login")
        .await;
    stage.answered(SECURITY, "is released").await;
    stage.audited("Alice has another login").await;
    stage.jit(DAVE, REQUEST).await;
    let card = stage.open_card().await;
    stage.bob().click(&card, "approve").await;
    stage.in_time(|_| stage.grants(DAVE).pop()).await;
    let kinds = stage.kinds().await;
    assert!(kinds.contains(&"name_released".to_owned()));
}

#[tokio::test]
async fn a_name_that_belongs_to_nobody_is_not_released() {
    let stage = Stage::start().await;
    stage.jit(SECURITY, "release app because of nothing").await;
    stage.answered(SECURITY, "belongs to nobody").await;
}

#[tokio::test]
async fn a_person_whose_address_changes_keeps_their_name() {
    let stage = Stage::with(|config| shared_name_of(ALICE) + config, "").await;
    stage.granted(REQUEST).await;
    stage.jit(ALICE, "done").await;
    stage.ended(1).await;
    stage.sim.update_person(ALICE, |alice| {
        alice.email = "alice.smith@example.com".to_owned();
    });
    stage.clock.advance(std::time::Duration::from_secs(61));
    stage.granted(REQUEST).await;
}
