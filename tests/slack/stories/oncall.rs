//! People on call by a schedule of PagerDuty, and requests for an incident: what rules make of them.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    fixture::{ALICE, BOB, DAVE, Fixture, GENERAL, Has as _, INCIDENT, REQUEST, SCOPE, TOKEN},
    pagerduty::{Answer, PagerDuty, SCHEDULE, shift},
};

const ALICES: &str = "alice@example.com";
const BOBS: &str = "bob@example.com";

/// A rule approves what people on call request.
const BY_GROUP: &str = r#"
@id("on-call")
permit (
  principal in Group::"oncall",
  action == Action::"auto_approve",
  resource == Scope::"db-prod:write"
);
"#;

/// A rule approves what people on call request for an incident.
const IN_AN_INCIDENT: &str = r#"
@id("on-call-in-an-incident")
permit (principal, action == Action::"auto_approve", resource == Scope::"db-prod:write")
when { context.oncall && context.incident };
"#;

/// The group `oncall` is who is on call in PagerDuty.
fn with_schedule(config: &str, pagerduty: &PagerDuty) -> String {
    let group = format!(
        "[groups]\noncall = {{ pagerduty = {{ schedules = [\"{SCHEDULE}\"], \
         token = {{ file = \"DIR/api_token\" }}, url = \"{}\" }} }}",
        pagerduty.url()
    );
    config.replace("[groups]", &group)
}

/// The same, and only people on call may request the scope.
fn for_oncall(config: &str, pagerduty: &PagerDuty) -> String {
    with_schedule(config, pagerduty).replacen(
        "requesters = [\"engineers\"]",
        "requesters = [\"oncall\"]",
        1,
    )
}

/// Only people on call may request the scope, and Alice is on call.
async fn alice_on_call() -> (PagerDuty, Fixture) {
    let pagerduty = PagerDuty::start(TOKEN).await;
    pagerduty.on_call([ALICES]);
    let fixture = Fixture::with(|config| for_oncall(config, &pagerduty), "").await;
    (pagerduty, fixture)
}

/// Waits until a card asks for a decision on what this person requested.
async fn asks_people(fixture: &Fixture, person: &str) {
    let mention = format!("<@{person}>");
    fixture
        .in_time(|sim| {
            let cards = sim.messages(crate::support::fixture::APPROVALS);
            let mut cards = cards.into_iter();
            cards.find(|card| card.has("approve") && card.says(&mention))
        })
        .await;
}

#[tokio::test]
async fn a_rule_grants_to_the_person_on_call_alone_and_the_log_names_the_schedule() {
    let pagerduty = PagerDuty::start(TOKEN).await;
    pagerduty.on_call(["Alice@Example.com"]);
    let fixture = Fixture::with(|config| with_schedule(config, &pagerduty), BY_GROUP).await;
    fixture.jit(DAVE, REQUEST).await;
    asks_people(&fixture, DAVE).await;
    fixture.jit(ALICE, REQUEST).await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert!(fixture.admitted(ALICES, SCOPE).await);

    let log = fixture.log().await;
    let approved = log
        .iter()
        .map(|entry| serde_json::to_value(entry).unwrap())
        .find(|entry| entry["kind"] == "approved")
        .unwrap();
    assert_eq!(approved["actor"], "rule:on-call");
    let read = &approved["body"]["groups"][0];
    assert_eq!(read["group"], "oncall");
    assert_eq!(read["source"], json!({ "pagerduty_schedules": [SCHEDULE] }));
    assert!(read["read_at"].is_string(), "{read}");
}

#[tokio::test]
async fn a_rule_for_incidents_grants_to_who_is_on_call_and_asks_in_the_incident_channel() {
    let pagerduty = PagerDuty::start(TOKEN).await;
    pagerduty.on_call([ALICES, BOBS]);
    let fixture = Fixture::with(|config| with_schedule(config, &pagerduty), IN_AN_INCIDENT).await;
    let ask = async |person: &str, channel: &str| {
        let person = fixture.sim.person(person);
        person.command(channel, "/jit", REQUEST).await;
    };
    // On call, and not for an incident.
    ask(ALICE, GENERAL).await;
    asks_people(&fixture, ALICE).await;
    // For an incident, and not on call.
    ask(DAVE, INCIDENT).await;
    asks_people(&fixture, DAVE).await;
    ask(BOB, INCIDENT).await;
    fixture.in_time(|_| fixture.grants(BOB).pop()).await;
    assert!(fixture.admitted(BOBS, SCOPE).await);
    // The group that made `context.oncall` true is recorded as if the rule named it.
    let log = fixture.log().await;
    let approved = log
        .iter()
        .map(|entry| serde_json::to_value(entry).unwrap())
        .find(|entry| entry["kind"] == "approved")
        .unwrap();
    assert_eq!(approved["body"]["groups"][0]["group"], "oncall");
}

#[tokio::test]
async fn a_listed_group_is_on_call_too() {
    let listed = |config: &str| {
        config.replace(
            "administrators = [\"security\"]",
            "administrators = [\"security\"]\noncall = [\"dba\"]",
        )
    };
    let fixture = Fixture::with(listed, IN_AN_INCIDENT).await;
    let bob = fixture.bob();
    bob.command(INCIDENT, "/jit", REQUEST).await;
    fixture.in_time(|_| fixture.grants(BOB).pop()).await;
}

#[tokio::test]
async fn a_person_who_is_not_on_call_is_refused() {
    let (_pagerduty, fixture) = alice_on_call().await;
    let refused = fixture.answer(DAVE, REQUEST).await;
    assert!(
        refused.says("You're not in a group that can request"),
        "{}",
        refused.text
    );
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_refuses_what_depends_on_it_and_says_why() {
    let (pagerduty, fixture) = alice_on_call().await;
    pagerduty.answers(Answer::Status(503));
    let refused = fixture.answer(ALICE, REQUEST).await;
    assert!(
        refused.says("depends on the group `oncall`"),
        "{}",
        refused.text
    );
    fixture.audited("*Alert* `group_unavailable:oncall`").await;
    fixture
        .audited("who is on call for the group oncall: PagerDuty answered with status 503")
        .await;
    // Nothing else depends on it.
    fixture.asked("request db-prod:read 10m look").await;

    pagerduty.on_call([ALICES]);
    fixture
        .audited("*Cleared* `group_unavailable:oncall`")
        .await;
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn what_pagerduty_said_counts_for_a_minute_and_no_longer() {
    let (pagerduty, fixture) = alice_on_call().await;
    fixture.asked(REQUEST).await;
    let asked = pagerduty.asked();
    pagerduty.answers(Answer::Status(503));
    let refused = fixture.answer(DAVE, REQUEST).await;
    assert!(
        refused.says("You're not in a group that can request"),
        "{}",
        refused.text
    );
    assert_eq!(pagerduty.asked(), asked);
    fixture.clock.advance(Duration::from_secs(61));
    let refused = fixture.answer(DAVE, REQUEST).await;
    assert!(
        refused.says("depends on the group `oncall`"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn a_person_on_call_without_a_slack_account_is_left_out_and_hides_nobody() {
    let (pagerduty, fixture) = alice_on_call().await;
    pagerduty.on_call(["nobody@example.com", ALICES]);
    fixture.asked(REQUEST).await;
    assert!(!fixture.page("/readyz").await.1.contains("oncall"));
}

#[tokio::test]
async fn an_address_that_does_not_count_puts_nobody_on_call() {
    let (pagerduty, fixture) = alice_on_call().await;
    // Slack takes any address for Dave, and only those of example.com count.
    fixture.sim.update_person(DAVE, |dave| {
        dave.email = "dave@elsewhere.example".to_owned();
    });
    pagerduty.on_call(["dave@elsewhere.example"]);
    let refused = fixture.answer(DAVE, REQUEST).await;
    assert!(
        refused.says("You're not in a group that can request"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn names_in_pagerduty_reach_nobody() {
    let hostile = "<!channel> *on call* `x`\u{202e}";
    let (pagerduty, fixture) = alice_on_call().await;
    let mut shifts = vec![shift(SCHEDULE, ALICES), shift(SCHEDULE, hostile)];
    for shift in &mut shifts {
        shift["user"]["name"] = json!(hostile);
        shift["user"]["summary"] = json!(hostile);
        shift["schedule"]["summary"] = json!(hostile);
    }
    pagerduty.answers(Answer::OnCall(shifts));
    fixture.asked(REQUEST).await;
    assert!(!fixture.sim.describe().contains("on call*"));
    let log = serde_json::to_string(&fixture.whole_log().await).unwrap();
    assert!(!log.contains("on call*"), "{log}");
}

#[tokio::test]
async fn a_person_who_goes_off_call_loses_what_they_got_by_it() {
    let (pagerduty, fixture) = alice_on_call().await;
    fixture.granted(REQUEST).await;
    pagerduty.on_call([BOBS]);
    fixture.audited("<@U0ALICE> is no longer in oncall").await;
    fixture.ended(1).await;
    assert!(!fixture.admitted(ALICES, SCOPE).await);
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_ends_nothing() {
    let (pagerduty, fixture) = alice_on_call().await;
    fixture.granted(REQUEST).await;
    pagerduty.answers(Answer::Status(500));
    fixture.audited("*Alert* `group_unavailable:oncall`").await;
    assert!(fixture.admitted(ALICES, SCOPE).await);
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"revocation_started".to_owned()));
}
