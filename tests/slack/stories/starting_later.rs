//! A start in the future: approved in advance, decided on once more at the start.

use keylend::domain::{EndCause, Event, Time};
use slack_sim::{Fault, Message, Submission};

use crate::support::fixture::{ALICE, BOB, CAROL, Fixture, INCIDENT, REQUEST, SECURITY};

/// When the requests of these stories start: 05:00 in Berlin, two hours after the stories begin.
const START: &str = "2099-11-21T04:00:00Z";

const LATER: &str = "request db-prod:write 30m --at 05:00 INC-4211 maintenance";

fn moment(at: &str) -> Time {
    at.parse().unwrap()
}

/// It is 03:00 where Alice is.
async fn in_berlin(policies: &str) -> Fixture {
    let fixture = Fixture::with(str::to_owned, policies).await;
    let berlin = "Europe/Berlin".to_owned();
    fixture.sim.update_person(ALICE, |alice| alice.tz = berlin);
    fixture
}

/// Alice asks, and Bob approves; the answer is the approval card.
async fn approved(fixture: &Fixture, line: &str) -> Message {
    let card = fixture.asked(line).await;
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "is approved: it starts").await;
    card
}

/// Lets the start come, and waits until the request has ended.
async fn until_refused(fixture: &Fixture) {
    fixture.advance_minutes(119);
    let kinds = fixture.until_logged("ended", 1).await;
    for never in ["started", "layer_inspected", "layer_granted", "activated"] {
        assert!(!kinds.contains(&never.to_owned()), "{kinds:?}");
    }
}

/// Why the grant began to end.
async fn causes(fixture: &Fixture) -> Vec<EndCause> {
    let log = fixture.log().await;
    let occurred = log.iter().filter_map(|entry| entry.occurred());
    let causes = occurred.filter_map(|occurred| match occurred.event {
        Event::RevocationStarted { cause } => Some(cause),
        _ => None,
    });
    causes.collect()
}

#[tokio::test]
async fn access_that_was_approved_in_advance_starts_then_also_after_a_restart() {
    let mut fixture = in_berlin("").await;
    let card = fixture.asked(LATER).await;
    let at = format!("starting <!date^{}^", moment(START).timestamp());
    assert!(card.text.contains(&at), "{}", card.text);
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "is approved: it starts").await;
    fixture.shows(&card, "Approved: starts").await;
    let status = fixture.answer(ALICE, "status").await;
    assert!(status.says("starts"), "{}", status.text);
    assert!(!fixture.admitted(ALICE, "db-prod:write").await);
    fixture.crash().await;
    fixture.boot().await;

    fixture.advance_minutes(100);
    fixture.page("/healthz").await;
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"started".to_owned()), "{kinds:?}");
    fixture.advance_minutes(19);
    fixture.until_logged("activated", 1).await;
    assert!(fixture.admitted(ALICE, "db-prod:write").await);
    for entry in fixture.log().await {
        let occurred = entry.occurred().unwrap();
        match occurred.event {
            Event::Requested { starts_at, .. } => assert_eq!(starts_at, Some(moment(START))),
            Event::Approved { expires_at, .. } => {
                assert_eq!(expires_at, moment("2099-11-21T04:30:00Z"));
            }
            Event::Started { .. } | Event::LayerInspected { .. } => {
                assert!(occurred.at >= moment(START), "{}", occurred.at);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_day_can_be_named_and_where_slack_knows_no_time_zone_the_rules_zone_counts() {
    let zone = |config: &str| config.replace("[policy]", "[policy]\ntimezone = \"Asia/Tokyo\"");
    let fixture = Fixture::with(zone, "").await;
    let mars = "Mars/Olympus".to_owned();
    fixture.sim.update_person(ALICE, |alice| alice.tz = mars);
    for (written, start, reason) in [
        ("--at 2099-11-21 22:00", "2099-11-21T13:00:00Z", "tables"),
        ("--at=2099-11-22T08:00", "2099-11-21T23:00:00Z", "indexes"),
        // It is 11:00, so ten is tomorrow.
        ("—at 10:00", "2099-11-22T01:00:00Z", "backups"),
    ] {
        let line = format!("request db-prod:read 30m {written} look at {reason}");
        let card = fixture.asked(&line).await;
        let at = format!("starting <!date^{}^", moment(start).timestamp());
        assert!(card.text.contains(&at), "{written}: {}", card.text);
    }
}

#[tokio::test]
async fn a_start_that_is_no_moment_has_passed_or_is_too_far_ahead_is_answered_by_a_sentence() {
    let fixture = in_berlin("").await;
    let alice = fixture.alice();
    for (written, sentence) in [
        (
            "--at noonish",
            "To start “--at noonish”, choose the start here.",
        ),
        (
            "--at 2099-11-20 22:00",
            "2099-11-20 22:00 has passed where you are",
        ),
    ] {
        let line = format!("request db-prod:write 30m {written} INC-4211 maintenance");
        fixture.jit(ALICE, &line).await;
        let form = fixture.in_time(|_| alice.modal()).await;
        assert!(form.says(sentence), "{}", form.all_text());
        alice.close_modal().await;
    }
    let far = "request db-prod:write 30m --at 2099-12-21 22:00 INC-4211 maintenance";
    let told = fixture.answer(ALICE, far).await;
    assert!(told.says("at most 7 days from now"), "{}", told.text);
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn the_form_has_a_picker_for_the_start() {
    let fixture = in_berlin("").await;
    let alice = fixture.alice();
    fixture
        .jit(ALICE, "request db-prod:write --at 05:00 maintenance")
        .await;
    let form = fixture.in_time(|_| alice.modal()).await;
    let filled = form.json().to_string();
    let start = moment(START).timestamp();
    assert!(filled.contains(&start.to_string()), "{filled}");
    alice.fill("ticket", "ticket", "INC-77");
    for (seconds, sentence) in [
        (moment("2099-11-21T01:00:00Z").timestamp(), "has passed"),
        (moment("2099-12-21T01:00:00Z").timestamp(), "at most 7 days"),
    ] {
        alice.fill("start", "start", seconds);
        let Submission::Errors(errors) = alice.submit().await else {
            panic!("{sentence}");
        };
        assert!(errors["start"].contains(sentence), "{errors:?}");
    }
    alice.fill("start", "start", start);
    alice.fill("duration", "duration", "until 06:00");
    let Submission::Errors(errors) = alice.submit().await else {
        panic!("an end by the clock was accepted with a start");
    };
    assert!(errors["duration"].contains("write how long"), "{errors:?}");
    alice.fill("duration", "duration", "30m");
    assert!(matches!(alice.submit().await, Submission::Closed));
    let card = fixture.open_card().await;
    assert!(
        card.text.contains(&format!("<!date^{start}^")),
        "{}",
        card.text
    );
}

#[tokio::test]
async fn the_requester_withdraws_it_before_its_start() {
    let fixture = in_berlin("").await;
    let card = approved(&fixture, LATER).await;
    let withdrawn = fixture.answer(ALICE, "withdraw").await;
    assert!(withdrawn.says("is withdrawn"), "{}", withdrawn.text);
    fixture
        .shows(&card, "before it started: withdrawn by")
        .await;
    until_refused(&fixture).await;
    assert_eq!(causes(&fixture).await, [EndCause::Withdrawn]);
}

#[tokio::test]
async fn an_approver_revokes_it_before_its_start() {
    let fixture = in_berlin("").await;
    approved(&fixture, LATER).await;
    fixture.end(BOB, "revoke @alice not tonight").await;
    fixture.told(ALICE, "won't start: revoked by").await;
    until_refused(&fixture).await;
}

#[tokio::test]
async fn a_lock_before_its_start_ends_it() {
    let fixture = in_berlin("").await;
    approved(&fixture, LATER).await;
    fixture.end(SECURITY, "lock db-prod:write a leak").await;
    fixture.told(ALICE, "won't start: locked by").await;
    until_refused(&fixture).await;
}

#[tokio::test]
async fn an_approval_by_somebody_who_may_not_approve_any_more_does_not_count_at_the_start() {
    let fixture = in_berlin("").await;
    approved(&fixture, LATER).await;
    fixture.sim.set_group("S0DBA", [CAROL]);
    until_refused(&fixture).await;
    fixture
        .told(
            ALICE,
            "won't start: refused at its start: an approval no longer counts",
        )
        .await;
    fixture.audited("no longer counts").await;
    let kinds = fixture.kinds().await;
    assert!(kinds.contains(&"approval_voided".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_rule_that_refuses_at_the_start_keeps_it_from_starting() {
    let rule = r#"@id("not-at-four") @reason("Backups run from four o'clock on.")
        forbid (principal, action == Action::"receive", resource) when { context.hour >= 4 };"#;
    let fixture = in_berlin(rule).await;
    approved(&fixture, LATER).await;
    until_refused(&fixture).await;
    let reason = "Backups run from four o'clock on";
    fixture.told(ALICE, reason).await;
    let causes = causes(&fixture).await;
    let refused = EndCause::StartRefused {
        reason: reason.to_owned(),
    };
    assert_eq!(causes, [refused]);
    let log = fixture.log().await;
    let mut rules = log.iter().flat_map(|entry| &entry.rules);
    assert!(rules.any(|rule| rule.as_str() == "not-at-four"));
}

#[tokio::test]
async fn what_the_requester_holds_counts_at_the_start_and_not_before() {
    let fixture = in_berlin("").await;
    let soon = "request db-prod:write 30m --at 03:20 INC-4211 maintenance";
    approved(&fixture, soon).await;
    // Nobody is in production and in research at once.
    fixture.granted("request lab:use 1h measure").await;
    let kinds = fixture.until_logged("ended", 1).await;
    assert!(!kinds.contains(&"started".to_owned()), "{kinds:?}");
    fixture
        .told(ALICE, "won't start: refused at its start")
        .await;
    assert!(fixture.admitted(ALICE, "lab:use").await);
}

#[tokio::test]
async fn a_request_that_nobody_answers_lapses_at_its_start_at_the_latest() {
    let fixture = in_berlin("").await;
    fixture
        .asked("request db-prod:write 30m --at 03:20 INC-4211 maintenance")
        .await;
    fixture.until_logged("lapsed", 1).await;
    let log = fixture.log().await;
    let lapsed = log.last().unwrap();
    assert!(lapsed.at >= moment("2099-11-21T02:20:00Z"));
    assert!(lapsed.at < moment("2099-11-21T02:40:00Z"), "{}", lapsed.at);
}

#[tokio::test]
async fn the_same_from_the_same_start_on_is_one_request_and_from_another_start_on_another() {
    let fixture = in_berlin("").await;
    approved(&fixture, LATER).await;
    let told = fixture.answer(ALICE, LATER).await;
    assert!(told.says("which starts in"), "{}", told.text);
    fixture
        .asked("request db-prod:write 30m --at 07:00 INC-4211 maintenance")
        .await;
}

#[tokio::test]
async fn a_rule_that_approves_is_asked_again_at_the_start() {
    let rule = r#"@id("reads") permit (principal, action == Action::"auto_approve", resource)
        when { context.hour < 4 };"#;
    let fixture = in_berlin(rule).await;
    fixture.jit(ALICE, LATER).await;
    fixture.told(ALICE, "is approved: it starts").await;
    until_refused(&fixture).await;
    fixture.told(ALICE, "won't start").await;
}

#[tokio::test]
async fn an_incident_channel_follows_it_to_its_start() {
    let fixture = in_berlin("").await;
    let alice = fixture.alice();
    alice.command(INCIDENT, "/jit", LATER).await;
    fixture.said(INCIDENT, "starts").await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.said(INCIDENT, "*approved*").await;
}

#[tokio::test]
async fn starts_that_hang_hold_up_nobodys_end() {
    let many = |config: &str| {
        let limits = "[limits]\nmax_pending_per_scope = 100\nmax_pending_per_person = 100\n\
                      max_requests_per_hour = 100";
        config.replace("[limits]", limits)
    };
    let rule = r#"@id("reads") permit (principal, action == Action::"auto_approve",
        resource == Scope::"db-prod:read");"#;
    let fixture = Fixture::with(many, rule).await;
    let berlin = "Europe/Berlin".to_owned();
    fixture.sim.update_person(ALICE, |alice| alice.tz = berlin);
    fixture.granted(REQUEST).await;
    // More than a lane has places, and all due before the grant ends.
    for number in 0..70 {
        let line = format!("request db-prod:read 1h --at 03:20 look {number}");
        fixture.answer(ALICE, &line).await;
    }
    let kinds = fixture.kinds().await;
    let approved = kinds.iter().filter(|kind| *kind == "approved");
    assert_eq!(approved.count(), 71);
    fixture.sim.fault("*", Fault::Hang, usize::MAX);
    fixture.advance_minutes(25);
    fixture.page("/healthz").await;
    fixture.advance_minutes(10);
    fixture.console.until_ordered("revoke", 1).await;
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"started".to_owned()), "{kinds:?}");
    fixture.sim.heal();
}
