//! Promise 11: A name in a target belongs to one person: the one who was first granted access under
//! it, until an administrator releases it.

use crate::support::fixture::{ALICE, DAVE, Fixture, Has, REQUEST, SCOPE, SECURITY};

/// `[people]` with the name `shared` for one Slack id.
fn shared_name_of(id: &str) -> String {
    format!("[people.{id}]\nusername = \"shared\"\nslack_ids = [\"{id}\"]\n")
}

/// Alice was granted access under a name that the configuration gives to Dave today.
async fn daves_name_was_alices() -> Fixture {
    let mut fixture = Fixture::with(|config| shared_name_of(ALICE) + config, "").await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.stop().await;
    fixture.reconfigure(|config| config.replace(&shared_name_of(ALICE), &shared_name_of(DAVE)));
    fixture.boot().await;
    fixture
}

#[tokio::test]
async fn a_name_that_another_person_has_used_is_refused_when_asking() {
    let fixture = daves_name_was_alices().await;
    fixture.jit(DAVE, REQUEST).await;
    fixture.answered(DAVE, "belongs to another person").await;
    let kinds = fixture.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "requested").count(), 1);
}

#[tokio::test]
async fn the_first_approval_binds_a_name_and_asking_does_not() {
    let mut fixture = Fixture::with(|config| shared_name_of(ALICE) + config, "").await;
    let by_alice = fixture.asked(REQUEST).await;
    fixture.stop().await;
    fixture.reconfigure(|config| config.replace(&shared_name_of(ALICE), &shared_name_of(DAVE)));
    fixture.boot().await;
    // Alice has asked under the name and keeps nobody from it.
    fixture.jit(DAVE, REQUEST).await;
    let by_dave = fixture
        .in_time(|sim| {
            let cards = sim.messages(&by_alice.channel);
            let mut cards = cards.into_iter();
            cards.find(|card| card.has("approve") && card.ts != by_alice.ts)
        })
        .await;
    fixture.bob().click(&by_dave, "approve").await;
    fixture.in_time(|_| fixture.grants(DAVE).pop()).await;
    // Now the name is Dave's, and what Alice asked for cannot be approved.
    fixture.carol().click(&by_alice, "approve").await;
    fixture
        .answered(crate::support::fixture::CAROL, "belongs to another person")
        .await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert!(fixture.admitted(DAVE, SCOPE).await);
}

#[tokio::test]
async fn an_administrator_releases_a_name_and_the_log_says_so() {
    let fixture = daves_name_was_alices().await;
    fixture
        .jit(DAVE, "release shared because Alice has another login")
        .await;
    fixture.answered(DAVE, "administrators").await;
    fixture
        .jit(SECURITY, "release shared because Alice has another login")
        .await;
    fixture.answered(SECURITY, "is released").await;
    fixture.audited("Alice has another login").await;
    fixture.jit(DAVE, REQUEST).await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(DAVE).pop()).await;
    let kinds = fixture.kinds().await;
    assert!(kinds.contains(&"name_released".to_owned()));
}

#[tokio::test]
async fn a_name_that_belongs_to_nobody_is_not_released() {
    let fixture = Fixture::start().await;
    fixture
        .jit(SECURITY, "release app because of nothing")
        .await;
    fixture.answered(SECURITY, "belongs to nobody").await;
}

#[tokio::test]
async fn a_person_whose_address_changes_keeps_their_name() {
    let fixture = Fixture::with(|config| shared_name_of(ALICE) + config, "").await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.sim.update_person(ALICE, |alice| {
        alice.email = "alice.smith@example.com".to_owned();
    });
    fixture.clock.advance(std::time::Duration::from_secs(61));
    fixture.granted(REQUEST).await;
}
