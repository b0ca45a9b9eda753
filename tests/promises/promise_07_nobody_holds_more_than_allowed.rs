//! Promise 7: A person never holds more than policy allows, counted at the moment of granting, also when
//! ten requests race.

use futures_util::future::join_all;

use slack_sim::{Fault, Person};

use crate::support::fixture::{ALICE, APPROVALS, BOB, DAVE, Fixture, Has, SCOPE, SECURITY};

/// Ten requests of one person for one scope may wait.
fn ten_pending(config: &str) -> String {
    config.replace("[limits]", "[limits]\nmax_pending_per_scope = 10")
}

#[tokio::test]
async fn ten_requests_race_and_three_are_granted() {
    let fixture = Fixture::with(ten_pending, "").await;
    for number in 0..10 {
        let line = format!("request db-prod:read 10m look {number}");
        fixture.asked(&line).await;
    }
    let cards: Vec<_> = fixture
        .sim
        .messages(APPROVALS)
        .into_iter()
        .filter(|card| card.has("approve"))
        .collect();
    assert_eq!(cards.len(), 10);
    let bob = fixture.bob();
    join_all(cards.iter().map(|card| bob.click(card, "approve"))).await;
    fixture
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
    let approved = fixture
        .kinds()
        .await
        .iter()
        .filter(|kind| *kind == "approved")
        .count();
    assert_eq!(approved, 3);
}

#[tokio::test]
async fn a_holder_of_prod_cannot_get_research_until_prod_ends() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted("request db-prod:write 30m INC-1 fix").await;
    fixture.jit(ALICE, "request lab:use 10m measure").await;
    fixture.answered(ALICE, "exclusive-environments").await;
    fixture.alice().click(&grant, "done").await;
    fixture.told(ALICE, "has ended:").await;
    fixture.granted("request lab:use 10m measure").await;
}

#[tokio::test]
async fn of_two_conflicting_requests_one_is_granted() {
    let fixture = Fixture::start().await;
    let prod = fixture.asked("request db-prod:write 30m INC-1 fix").await;
    let lab = fixture.asked("request lab:use 10m measure").await;
    let bob = fixture.bob();
    tokio::join!(bob.click(&prod, "approve"), bob.click(&lab, "approve"));
    fixture.answered(BOB, "exclusive-environments").await;
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).pop())
        .await;
    let both = fixture.admitted(ALICE, SCOPE).await && fixture.admitted(ALICE, "lab:use").await;
    assert!(!both);
}

#[tokio::test]
async fn the_oldest_grant_ends_where_the_operator_says_so() {
    let fixture = Fixture::with(
        |config| {
            config.replace(
                "max_active_per_person = 3",
                "max_active_per_person = 1\non_limit = \"end_oldest\"",
            )
        },
        "",
    )
    .await;
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    let card = fixture.asked("request db-prod:read 10m look").await;
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "`db-prod:write` has ended:").await;
    fixture.shows(&card, "Active").await;
    assert!(!fixture.console.admits("alice"));
    assert!(fixture.bastion.admits("alice"));
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert!(fixture.admitted(ALICE, "db-prod:read").await);
}

/// A rule that approves low risk in the approvers' place.
const LOW_RISK: &str = r#"
@id("low-risk")
permit (principal, action == Action::"auto_approve", resource)
when { resource.risk == Risk::"low" };
"#;

#[tokio::test]
async fn the_oldest_grant_ends_for_one_that_a_rule_approves_too() {
    let fixture = Fixture::with(
        |config| {
            config.replace(
                "max_active_per_person = 3",
                "max_active_per_person = 1\non_limit = \"end_oldest\"",
            )
        },
        LOW_RISK,
    )
    .await;
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    fixture.jit(ALICE, "request db-prod:read 10m look").await;
    fixture.told(ALICE, "`db-prod:write` has ended:").await;
    fixture.until_logged("activated", 2).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    assert!(fixture.admitted(ALICE, "db-prod:read").await);
    // Both changes are one commit: the old grant ends by the same entry that approves the new one.
    let kinds = fixture.kinds().await;
    let begun = kinds.iter().position(|kind| kind == "revocation_started");
    let requested = kinds.iter().rposition(|kind| kind == "requested");
    assert_eq!(begun.map(|at| at + 1), requested, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_race_under_a_rule_and_only_as_many_as_fit_are_granted() {
    let fixture = Fixture::with(
        |config| config.replace("[limits]", "[limits]\nmax_requests_per_hour = 5000"),
        LOW_RISK,
    )
    .await;
    let lines: Vec<_> = (0..1_000)
        .map(|number| match number % 2 {
            0 => format!("request db-prod:read 2h look {number}"),
            _ => format!("request lab:use 2h measure {number}"),
        })
        .collect();
    join_all(lines.iter().map(|line| fixture.jit(ALICE, line))).await;
    let alice = fixture.alice();
    // Each is refused or granted; what is granted is answered by its card.
    fixture
        .in_time(|_| (alice.ephemerals().len() >= 997).then_some(()))
        .await;
    let log = fixture.log().await;
    let mut approved = Vec::new();
    for entry in &log {
        let entry = serde_json::to_value(entry).unwrap();
        if entry["kind"] == "approved" {
            approved.push(entry["request_id"].clone());
        }
    }
    assert_eq!(approved.len(), 3);
    // Nobody is in production and research at the same time.
    let admitted = [
        fixture.admitted(ALICE, "db-prod:read").await,
        fixture.admitted(ALICE, "lab:use").await,
    ];
    assert_ne!(admitted[0], admitted[1]);
}

#[tokio::test]
async fn what_only_a_time_limit_ends_makes_no_room_for_another_grant() {
    let fixture = Fixture::with(
        |config| {
            config
                .replace(
                    "max_active_per_person = 3",
                    "max_active_per_person = 2\non_limit = \"end_oldest\"",
                )
                .replacen(
                    "timeout = \"10s\"",
                    "timeout = \"10s\"\nrevocation = \"time_limit\"",
                    1,
                )
        },
        "",
    )
    .await;
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    fixture.granted("request db-prod:read 20m look").await;
    // The oldest one stays, and the one after it makes room.
    fixture.granted("request db-prod:read 10m measure").await;
    fixture.until_logged("ended", 1).await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.granted("request db-prod:write 30m INC-2 fix").await;
    fixture.until_logged("ended", 2).await;
    // Now nothing that she holds could make room.
    let refused = fixture.answer(ALICE, "request db-prod:read 10m look").await;
    assert!(refused.says("holdings-cap"), "{}", refused.text);
}

/// A second account of Alice's, an engineer too.
fn second_account(fixture: &Fixture) {
    fixture.sim.add_person(Person {
        email: "alice@example.com".to_owned(),
        ..Person::member("W0ALICE", "alice-2")
    });
    fixture.sim.set_group("S0ENG", [ALICE, "W0ALICE"]);
}

#[tokio::test]
async fn two_ids_of_one_person_share_one_cap_also_when_they_race() {
    let fixture = Fixture::with(ten_pending, "").await;
    second_account(&fixture);
    for number in 0..3 {
        for (person, why) in [(ALICE, "look"), ("W0ALICE", "measure")] {
            let line = format!("request db-prod:read 10m {why} {number}");
            fixture.jit(person, &line).await;
        }
    }
    let cards = fixture
        .in_time(|sim| {
            let cards = sim.messages(APPROVALS);
            let cards: Vec<_> = cards
                .into_iter()
                .filter(|card| card.has("approve"))
                .collect();
            (cards.len() == 6).then_some(cards)
        })
        .await;
    let bob = fixture.bob();
    join_all(cards.iter().map(|card| bob.click(card, "approve"))).await;
    fixture
        .in_time(|_| {
            let refused = bob.ephemerals();
            let refused = refused.iter().filter(|it| it.says("holdings-cap"));
            (refused.count() == 3).then_some(())
        })
        .await;
    let kinds = fixture.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "approved").count(), 3);
}

#[tokio::test]
async fn environments_exclude_each_other_for_a_person_not_for_an_id() {
    let fixture = Fixture::start().await;
    second_account(&fixture);
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    fixture.jit("W0ALICE", "request lab:use 10m measure").await;
    fixture.answered("W0ALICE", "exclusive-environments").await;
}

#[tokio::test]
async fn a_lock_of_one_id_covers_the_person_s_other_id() {
    let fixture = Fixture::start().await;
    second_account(&fixture);
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    fixture.end(SECURITY, "lock <@W0ALICE> laptop stolen").await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.told(ALICE, "has ended:").await;
    fixture
        .jit(ALICE, "request db-prod:write 30m INC-1 fix")
        .await;
    fixture.answered(ALICE, "locked").await;
}

#[tokio::test]
async fn a_lock_that_is_set_again_while_slack_is_away_covers_no_less() {
    let fixture = Fixture::start().await;
    second_account(&fixture);
    fixture.end(SECURITY, "lock <@W0ALICE> laptop stolen").await;
    fixture.audited("laptop stolen").await;
    // What is known of people is believed for a minute: of the administrator alone, then.
    fixture.advance_minutes(2);
    fixture.answer(SECURITY, "status").await;
    fixture.sim.fault("users.info", Fault::Status(500), 1000);
    fixture.end(SECURITY, "lock <@W0ALICE> phone too").await;
    fixture.audited("phone too").await;
    fixture.sim.heal();
    fixture
        .jit(ALICE, "request db-prod:write 30m INC-1 fix")
        .await;
    fixture.answered(ALICE, "locked").await;
}

#[tokio::test]
async fn a_person_ends_under_either_id_and_a_check_knows_both() {
    let people = "[people.alice]\nslack_ids = [\"U0ALICE\", \"W0ALICE\"]\n";
    let fixture = Fixture::with(|config| people.to_owned() + config, "").await;
    second_account(&fixture);
    let grant = fixture.granted("request db-prod:write 30m INC-1 fix").await;
    assert!(fixture.admitted("W0ALICE", SCOPE).await);
    assert!(fixture.admitted("ALICE@example.com", SCOPE).await);
    fixture.person("W0ALICE").click(&grant, "done").await;
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.admitted("W0ALICE", SCOPE).await);
}

#[tokio::test]
async fn a_person_withdraws_under_either_id_and_nobody_else_does() {
    let fixture = Fixture::start().await;
    second_account(&fixture);
    let card = fixture.asked("request db-prod:write 30m INC-1 fix").await;
    let waits = fixture
        .in_time(|sim| {
            let mut told = sim.dm(ALICE).into_iter();
            told.find(|message| message.has("withdraw"))
        })
        .await;
    fixture.person(DAVE).click(&waits, "withdraw").await;
    fixture.answered(DAVE, "requester").await;
    fixture.person("W0ALICE").click(&waits, "withdraw").await;
    let shown = fixture.shows(&card, "Withdrawn by <@W0ALICE>").await;
    assert!(shown.buttons().is_empty());
    fixture.audited("withdrawn by <@W0ALICE>").await;
    assert_eq!(fixture.kinds().await, ["requested", "withdrawn"]);
}

#[tokio::test]
async fn an_approver_revokes_what_a_person_holds_under_every_id() {
    let people = "[people.alice]\nslack_ids = [\"U0ALICE\", \"W0ALICE\"]\n";
    let fixture = Fixture::with(|config| people.to_owned() + config, "").await;
    second_account(&fixture);
    fixture.granted("request db-prod:write 30m INC-1 fix").await;
    let bob = fixture.bob();
    fixture
        .jit("W0ALICE", "request db-prod:read 10m look")
        .await;
    bob.click(&fixture.open_card().await, "approve").await;
    fixture.in_time(|_| fixture.grants("W0ALICE").pop()).await;
    fixture.jit(BOB, "who <@U0ALICE>").await;
    fixture.answered(BOB, "db-prod:read").await;
    fixture.end(BOB, "revoke <@U0ALICE> gone rogue").await;
    fixture.told(ALICE, "has ended:").await;
    fixture.told("W0ALICE", "has ended:").await;
    assert!(!fixture.admitted("W0ALICE", "db-prod:read").await);
}
