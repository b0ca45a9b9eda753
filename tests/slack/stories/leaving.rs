//! People who leave while they hold access.

use std::time::Duration;

use slack_sim::{Fault, Kind, Person};

use crate::support::fixture::{ALICE, BOB, DAVE, Fixture, REQUEST, SCOPE};

const ENGINEERS: &str = "S0ENG";
const DEACTIVATED: &str = "is deactivated in Slack";

fn becomes(fixture: &Fixture, kind: Kind) {
    let change = |alice: &mut Person| alice.kind = kind;
    fixture.sim.update_person(ALICE, change);
}

fn leaves_engineers(fixture: &Fixture) {
    fixture.sim.set_group(ENGINEERS, [DAVE, BOB]);
}

async fn tell_of_alice(fixture: &Fixture) {
    fixture.sim.send_user_change(ALICE).await.unwrap();
}

async fn tell_of_engineers(fixture: &Fixture) {
    let told = fixture.sim.send_group_change(ENGINEERS, &[], &[ALICE]);
    told.await.unwrap();
}

/// Alice's access is gone, the audit channel is told why, and so is she while Slack takes messages
/// for her.
async fn ends_because(fixture: &Fixture, words: &str) {
    let said = format!("<@U0ALICE> {words}");
    fixture.audited(&said).await;
    if words != DEACTIVATED {
        fixture.told(ALICE, &format!("has ended: {said}")).await;
    }
    assert!(!fixture.admitted_anywhere("alice@example.com", SCOPE).await);
    ends_at_once(fixture).await;
}

/// The target takes Alice's access back while the clock stands.
async fn ends_at_once(fixture: &Fixture) {
    let gone = async {
        while fixture.console.admits("alice") {
            fixture.page("/healthz").await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
    gone.expect("the access is gone");
}

/// Everybody who holds access is looked at, twice at least, and Alice keeps hers.
async fn goes_on(fixture: &Fixture) {
    let before = fixture.sim.arrivals("users.info");
    fixture
        .in_time(|sim| (sim.arrivals("users.info") >= before + 2).then_some(()))
        .await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    assert!(
        !fixture
            .kinds()
            .await
            .contains(&"revocation_started".to_owned())
    );
}

#[tokio::test]
async fn who_is_deactivated_loses_access_at_slacks_event() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    becomes(&fixture, Kind::Deactivated);
    tell_of_alice(&fixture).await;
    ends_at_once(&fixture).await;
    ends_because(&fixture, DEACTIVATED).await;
}

#[tokio::test]
async fn who_becomes_a_guest_loses_access_at_slacks_event() {
    for kind in [Kind::Guest, Kind::SingleChannelGuest] {
        let fixture = Fixture::start().await;
        fixture.granted(REQUEST).await;
        becomes(&fixture, kind);
        tell_of_alice(&fixture).await;
        ends_at_once(&fixture).await;
        ends_because(&fixture, "is a guest now").await;
    }
}

#[tokio::test]
async fn who_leaves_the_requester_group_loses_access_at_slacks_event() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    leaves_engineers(&fixture);
    tell_of_engineers(&fixture).await;
    ends_at_once(&fixture).await;
    ends_because(&fixture, "is no longer in engineers").await;
    let log = fixture.log().await;
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
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    becomes(&fixture, Kind::Deactivated);
    ends_because(&fixture, DEACTIVATED).await;

    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    leaves_engineers(&fixture);
    ends_because(&fixture, "is no longer in engineers").await;
}

async fn ends_nothing(method: &str, error: &str) {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.sim.fault(method, Fault::error(error), usize::MAX);
    tell_of_alice(&fixture).await;
    tell_of_engineers(&fixture).await;
    goes_on(&fixture).await;
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
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    becomes(&fixture, Kind::Deactivated);
    fixture.sim.fault("users.info", Fault::Status(503), 1);
    tell_of_alice(&fixture).await;
    ends_because(&fixture, DEACTIVATED).await;
}

#[tokio::test]
async fn a_rule_about_hours_ends_nothing_at_night() {
    let rule = r#"
        @id("early-hours")
        @reason("Only before three.")
        forbid (principal, action in [Action::"request", Action::"receive"], resource)
        unless { context.hour < 3 };
    "#;
    let fixture = Fixture::with(str::to_owned, rule).await;
    fixture.advance_minutes(30);
    fixture.granted("request db-prod:write 60m INC-1 fix").await;
    fixture.advance_minutes(35);
    goes_on(&fixture).await;
    leaves_engineers(&fixture);
    tell_of_engineers(&fixture).await;
    ends_because(&fixture, "is no longer in engineers").await;
}

#[tokio::test]
async fn where_the_operator_says_so_leaving_a_group_is_told_once_and_ends_nothing() {
    let warn = |config: &str| config.replacen("[limits]\n", "[limits]\non_leave = \"warn\"\n", 1);
    let fixture = Fixture::with(warn, "").await;
    fixture.granted(REQUEST).await;
    leaves_engineers(&fixture);
    tell_of_engineers(&fixture).await;
    fixture
        .audited("<@U0ALICE> is no longer in engineers")
        .await;
    tell_of_engineers(&fixture).await;
    goes_on(&fixture).await;
    let noticed = fixture.kinds().await;
    let noticed = noticed.iter().filter(|kind| *kind == "leave_noticed");
    assert_eq!(noticed.count(), 1);

    becomes(&fixture, Kind::Guest);
    tell_of_alice(&fixture).await;
    ends_because(&fixture, "is a guest now").await;
}

#[tokio::test]
async fn a_scope_says_for_itself_what_leaving_its_groups_does() {
    let end = |config: &str| {
        let config = config.replacen("[limits]\n", "[limits]\non_leave = \"warn\"\n", 1);
        config.replacen("ticket = {", "on_leave = \"end\"\nticket = {", 1)
    };
    let fixture = Fixture::with(end, "").await;
    fixture.granted(REQUEST).await;
    leaves_engineers(&fixture);
    tell_of_engineers(&fixture).await;
    ends_because(&fixture, "is no longer in engineers").await;
}
