//! People who leave while they hold access.

use std::time::Duration;

use slack_sim::{Fault, Kind, Person};

use crate::support::stage::{ALICE, BOB, DAVE, REQUEST, SCOPE, Stage};

const ENGINEERS: &str = "S0ENG";
const DEACTIVATED: &str = "is deactivated in Slack";

fn becomes(stage: &Stage, kind: Kind) {
    let change = |alice: &mut Person| alice.kind = kind;
    stage.sim.update_person(ALICE, change);
}

fn leaves_engineers(stage: &Stage) {
    stage.sim.set_group(ENGINEERS, [DAVE, BOB]);
}

async fn tell_of_alice(stage: &Stage) {
    stage.sim.send_user_change(ALICE).await.unwrap();
}

async fn tell_of_engineers(stage: &Stage) {
    let told = stage.sim.send_group_change(ENGINEERS, &[], &[ALICE]);
    told.await.unwrap();
}

/// Alice's access is gone, the audit channel is told why, and so is she while Slack takes messages
/// for her.
async fn ends_because(stage: &Stage, words: &str) {
    let said = format!("<@U0ALICE> {words}");
    stage.audited(&said).await;
    if words != DEACTIVATED {
        stage.told(ALICE, &format!("has ended: {said}")).await;
    }
    assert!(!stage.admitted_anywhere("alice@example.com", SCOPE).await);
    ends_at_once(stage).await;
}

/// The target takes Alice's access back while the clock stands.
async fn ends_at_once(stage: &Stage) {
    let gone = async {
        while stage.console.admits("alice") {
            stage.page("/healthz").await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
    gone.expect("the access is gone");
}

/// Everybody who holds access is looked at, twice at least, and Alice keeps hers.
async fn goes_on(stage: &Stage) {
    let before = stage.sim.arrivals("users.info");
    stage
        .in_time(|sim| (sim.arrivals("users.info") >= before + 2).then_some(()))
        .await;
    assert!(stage.admitted(ALICE, SCOPE).await);
    assert!(
        !stage
            .kinds()
            .await
            .contains(&"revocation_started".to_owned())
    );
}

#[tokio::test]
async fn who_is_deactivated_loses_access_at_slacks_event() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    becomes(&stage, Kind::Deactivated);
    tell_of_alice(&stage).await;
    ends_at_once(&stage).await;
    ends_because(&stage, DEACTIVATED).await;
}

#[tokio::test]
async fn who_becomes_a_guest_loses_access_at_slacks_event() {
    for kind in [Kind::Guest, Kind::SingleChannelGuest] {
        let stage = Stage::start().await;
        stage.granted(REQUEST).await;
        becomes(&stage, kind);
        tell_of_alice(&stage).await;
        ends_at_once(&stage).await;
        ends_because(&stage, "is a guest now").await;
    }
}

#[tokio::test]
async fn who_leaves_the_requester_group_loses_access_at_slacks_event() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    leaves_engineers(&stage);
    tell_of_engineers(&stage).await;
    ends_at_once(&stage).await;
    ends_because(&stage, "is no longer in engineers").await;
    let log = stage.log().await;
    let ending = log
        .iter()
        .map(|entry| serde_json::to_value(entry).unwrap())
        .find(|entry| entry["kind"] == "revocation_started")
        .unwrap();
    assert_eq!(ending["actor"], "keylend");
    assert_eq!(ending["rules"], serde_json::json!(["requester-group"]));
    assert_eq!(
        ending["body"]["cause"],
        serde_json::json!({
            "cause": "left",
            "person": ALICE,
            "departure": {"change": "group", "groups": ["engineers"]},
        })
    );
}

#[tokio::test]
async fn who_leaves_without_an_event_loses_access_in_the_next_round() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    becomes(&stage, Kind::Deactivated);
    ends_because(&stage, DEACTIVATED).await;

    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    leaves_engineers(&stage);
    ends_because(&stage, "is no longer in engineers").await;
}

async fn ends_nothing(method: &str, error: &str) {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.sim.fault(method, Fault::error(error), usize::MAX);
    tell_of_alice(&stage).await;
    tell_of_engineers(&stage).await;
    goes_on(&stage).await;
}

#[tokio::test]
async fn a_group_that_slack_does_not_tell_of_ends_nothing() {
    ends_nothing("usergroups.users.list", "no_such_subteam").await;
    ends_nothing("usergroups.users.list", "internal_error").await;
}

#[tokio::test]
async fn a_person_whom_slack_does_not_tell_of_loses_nothing() {
    ends_nothing("users.info", "user_not_found").await;
    ends_nothing("users.info", "internal_error").await;
}

#[tokio::test]
async fn what_could_not_be_asked_at_the_event_is_asked_again() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    becomes(&stage, Kind::Deactivated);
    stage.sim.fault("users.info", Fault::Status(503), 1);
    tell_of_alice(&stage).await;
    ends_because(&stage, DEACTIVATED).await;
}

#[tokio::test]
async fn a_rule_about_hours_ends_nothing_at_night() {
    let rule = r#"
        @id("early-hours")
        @reason("Only before three.")
        forbid (principal, action in [Action::"request", Action::"receive"], resource)
        unless { context.hour < 3 };
    "#;
    let stage = Stage::with(str::to_owned, rule).await;
    stage.advance_minutes(30);
    stage.granted("request db-prod:write 60m INC-1 fix").await;
    stage.advance_minutes(35);
    goes_on(&stage).await;
    leaves_engineers(&stage);
    tell_of_engineers(&stage).await;
    ends_because(&stage, "is no longer in engineers").await;
}

#[tokio::test]
async fn where_the_operator_says_so_leaving_a_group_is_told_once_and_ends_nothing() {
    let warn = |config: &str| config.replacen("[limits]\n", "[limits]\non_leave = \"warn\"\n", 1);
    let stage = Stage::with(warn, "").await;
    stage.granted(REQUEST).await;
    leaves_engineers(&stage);
    tell_of_engineers(&stage).await;
    stage.audited("<@U0ALICE> is no longer in engineers").await;
    tell_of_engineers(&stage).await;
    goes_on(&stage).await;
    let noticed = stage.kinds().await;
    let noticed = noticed.iter().filter(|kind| *kind == "leave_noticed");
    assert_eq!(noticed.count(), 1);

    becomes(&stage, Kind::Guest);
    tell_of_alice(&stage).await;
    ends_because(&stage, "is a guest now").await;
}

#[tokio::test]
async fn a_scope_says_for_itself_what_leaving_its_groups_does() {
    let end = |config: &str| {
        let config = config.replacen("[limits]\n", "[limits]\non_leave = \"warn\"\n", 1);
        config.replacen("ticket = {", "on_leave = \"end\"\nticket = {", 1)
    };
    let stage = Stage::with(end, "").await;
    stage.granted(REQUEST).await;
    leaves_engineers(&stage);
    tell_of_engineers(&stage).await;
    ends_because(&stage, "is no longer in engineers").await;
}
