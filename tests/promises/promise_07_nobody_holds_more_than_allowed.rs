//! Promise 7: A person never holds more than policy allows, counted at the moment of granting, also when
//! ten requests race.

use futures_util::future::join_all;

use slack_sim::Person;

use crate::support::stage::{ALICE, APPROVALS, BOB, DAVE, Has, SCOPE, SECURITY, Stage};

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

/// A second account of Alice's, an engineer too.
fn second_account(stage: &Stage) {
    stage.sim.add_person(Person {
        email: "alice@example.com".to_owned(),
        ..Person::member("W0ALICE", "alice-2")
    });
    stage.sim.set_group("S0ENG", [ALICE, "W0ALICE"]);
}

#[tokio::test]
async fn two_ids_of_one_person_share_one_cap_also_when_they_race() {
    let stage = Stage::start().await;
    second_account(&stage);
    for _ in 0..3 {
        stage.jit(ALICE, "request db-prod:read 10m look").await;
        stage.jit("W0ALICE", "request db-prod:read 10m look").await;
    }
    let cards = stage
        .in_time(|sim| {
            let cards = sim.messages(APPROVALS);
            let cards: Vec<_> = cards
                .into_iter()
                .filter(|card| card.has("approve"))
                .collect();
            (cards.len() == 6).then_some(cards)
        })
        .await;
    let bob = stage.bob();
    join_all(cards.iter().map(|card| bob.click(card, "approve"))).await;
    stage
        .in_time(|_| {
            let refused = bob.ephemerals();
            let refused = refused.iter().filter(|it| it.says("holdings-cap"));
            (refused.count() == 3).then_some(())
        })
        .await;
    let kinds = stage.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "approved").count(), 3);
}

#[tokio::test]
async fn environments_exclude_each_other_for_a_person_not_for_an_id() {
    let stage = Stage::start().await;
    second_account(&stage);
    stage.granted("request db-prod:write 30m INC-1 fix").await;
    stage.jit("W0ALICE", "request lab:use 10m measure").await;
    stage.answered("W0ALICE", "exclusive-environments").await;
}

#[tokio::test]
async fn a_lock_of_one_id_covers_the_person_s_other_id() {
    let stage = Stage::start().await;
    second_account(&stage);
    stage.granted("request db-prod:write 30m INC-1 fix").await;
    stage.jit(SECURITY, "lock <@W0ALICE> laptop stolen").await;
    stage.answered(SECURITY, "is locked").await;
    assert!(!stage.admitted(ALICE, SCOPE).await);
    stage.told(ALICE, "has ended:").await;
    stage
        .jit(ALICE, "request db-prod:write 30m INC-1 fix")
        .await;
    stage.answered(ALICE, "locked").await;
}

#[tokio::test]
async fn a_person_ends_under_either_id_and_a_check_knows_both() {
    let people = "[people.alice]\nslack_ids = [\"U0ALICE\", \"W0ALICE\"]\n";
    let stage = Stage::with(|config| people.to_owned() + config, "").await;
    second_account(&stage);
    let grant = stage.granted("request db-prod:write 30m INC-1 fix").await;
    assert!(stage.admitted("W0ALICE", SCOPE).await);
    assert!(stage.admitted("ALICE@example.com", SCOPE).await);
    stage.person("W0ALICE").click(&grant, "done").await;
    stage.told(ALICE, "has ended:").await;
    assert!(!stage.admitted("W0ALICE", SCOPE).await);
}

#[tokio::test]
async fn a_person_withdraws_under_either_id_and_nobody_else_does() {
    let stage = Stage::start().await;
    second_account(&stage);
    let card = stage.asked("request db-prod:write 30m INC-1 fix").await;
    let waits = stage
        .in_time(|sim| {
            let mut told = sim.dm(ALICE).into_iter();
            told.find(|message| message.has("withdraw"))
        })
        .await;
    stage.person(DAVE).click(&waits, "withdraw").await;
    stage.answered(DAVE, "requester").await;
    stage.person("W0ALICE").click(&waits, "withdraw").await;
    let shown = stage.shows(&card, "Withdrawn by <@W0ALICE>").await;
    assert!(shown.buttons().is_empty());
    stage.audited("withdrawn by <@W0ALICE>").await;
    assert_eq!(stage.kinds().await, ["requested", "withdrawn"]);
}

#[tokio::test]
async fn an_approver_revokes_what_a_person_holds_under_every_id() {
    let people = "[people.alice]\nslack_ids = [\"U0ALICE\", \"W0ALICE\"]\n";
    let stage = Stage::with(|config| people.to_owned() + config, "").await;
    second_account(&stage);
    stage.granted("request db-prod:write 30m INC-1 fix").await;
    let bob = stage.bob();
    stage.jit("W0ALICE", "request db-prod:read 10m look").await;
    bob.click(&stage.open_card().await, "approve").await;
    stage.in_time(|_| stage.grants("W0ALICE").pop()).await;
    stage.jit(BOB, "who <@U0ALICE>").await;
    stage.answered(BOB, "db-prod:read").await;
    stage.jit(BOB, "revoke <@U0ALICE> gone rogue").await;
    stage.told(ALICE, "has ended:").await;
    stage.told("W0ALICE", "has ended:").await;
    assert!(!stage.admitted("W0ALICE", "db-prod:read").await);
}
