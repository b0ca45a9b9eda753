//! Promise 7: A person never holds more than policy allows, counted at the moment of granting, also when
//! ten requests race.

use futures_util::future::join_all;

use crate::support::stage::{ALICE, APPROVALS, BOB, Has, SCOPE, Stage};

#[tokio::test]
async fn ten_requests_race_and_three_are_granted() {
    let stage = Stage::start().await;
    for _ in 0..10 {
        stage.asked("request db-prod:read 10m look").await;
    }
    let cards: Vec<_> = stage
        .sim
        .messages(APPROVALS)
        .into_iter()
        .filter(|card| card.has("approve"))
        .collect();
    assert_eq!(cards.len(), 10);
    let bob = stage.bob();
    join_all(cards.iter().map(|card| bob.click(card, "approve"))).await;
    stage
        .sim
        .wait_until(|_| {
            let refused = bob.ephemerals();
            let refused = refused
                .iter()
                .filter(|answer| answer.says("holdings-cap"))
                .count();
            (refused == 7).then_some(())
        })
        .await;
    let approved = stage
        .kinds()
        .await
        .iter()
        .filter(|kind| *kind == "approved")
        .count();
    assert_eq!(approved, 3);
}

#[tokio::test]
async fn who_holds_prod_cannot_have_research_before_prod_has_ended() {
    let stage = Stage::start().await;
    let grant = stage.granted("request db-prod:write 30m INC-1 fix").await;
    stage.jit(ALICE, "request lab:use 10m measure").await;
    stage.answered(ALICE, "exclusive-environments").await;
    stage.alice().click(&grant, "done").await;
    stage.told(ALICE, "has ended:").await;
    stage.granted("request lab:use 10m measure").await;
}

#[tokio::test]
async fn both_asked_before_only_one_is_granted() {
    let stage = Stage::start().await;
    let prod = stage.asked("request db-prod:write 30m INC-1 fix").await;
    let lab = stage.asked("request lab:use 10m measure").await;
    let bob = stage.bob();
    tokio::join!(bob.click(&prod, "approve"), bob.click(&lab, "approve"));
    stage.answered(BOB, "exclusive-environments").await;
    stage.sim.wait_until(|_| stage.grants(ALICE).pop()).await;
    let both = stage.admitted(ALICE, SCOPE).await && stage.admitted(ALICE, "lab:use").await;
    assert!(!both);
}

#[tokio::test]
async fn the_oldest_grant_ends_where_the_operator_says_so() {
    let stage = Stage::with(
        |config| {
            config.replace(
                "max_active_per_person = 3",
                "max_active_per_person = 1\non_limit = \"end_oldest\"",
            )
        },
        "",
    )
    .await;
    stage.granted("request db-prod:write 30m INC-1 fix").await;
    let card = stage.asked("request db-prod:read 10m look").await;
    stage.bob().click(&card, "approve").await;
    stage.told(ALICE, "`db-prod:write` has ended:").await;
    stage.shows(&card, "Active").await;
    assert!(!stage.console.admits("alice"));
    assert!(stage.bastion.admits("alice"));
    assert!(!stage.admitted(ALICE, SCOPE).await);
    assert!(stage.admitted(ALICE, "db-prod:read").await);
}
