//! Scopes that need an open ticket: what a tracker's answer allows, and what closing a ticket ends.

use std::time::Duration;

use keylend::clock::Clock as _;
use serde_json::Value;
use slack_sim::Submission;

use crate::support::{
    fixture::{ALICE, APPROVALS, BOB, CAROL, DAVE, Fixture, REQUEST, SCOPE, TOKEN},
    tickets::{Answer, Tracker, USER},
};

const ALICES: &str = "alice@example.com";
const TICKET: &str = "INC-4211";

/// Production needs an open issue of Jira.
fn with_jira(config: &str, tracker: &Tracker, more: &str) -> String {
    let url = tracker.url();
    format!(
        "[tickets]\nkind = \"jira\"\nurl = \"{url}\"\nuser = \"{USER}\"\n\
         token = {{ file = \"DIR/api_token\" }}\nscopes = [\"db-prod:*\"]\n{more}\n{config}"
    )
}

/// Production needs an open ticket of a web service.
fn with_service(config: &str, tracker: &Tracker) -> String {
    let url = tracker.url();
    format!(
        "[tickets]\nkind = \"webhook\"\nurl = \"{url}/tickets\"\n\
         token = {{ file = \"DIR/api_token\" }}\nscopes = [\"db-prod:*\"]\n{config}"
    )
}

/// Jira has the ticket of [`REQUEST`], which is Alice's.
async fn jira(more: &str) -> (Tracker, Fixture) {
    let tracker = Tracker::start(TOKEN).await;
    tracker.opens(TICKET, Some("Alice@Example.com"));
    let fixture = Fixture::with(|config| with_jira(config, &tracker, more), "").await;
    (tracker, fixture)
}

async fn service() -> (Tracker, Fixture) {
    let tracker = Tracker::start(TOKEN).await;
    tracker.opens(TICKET, None);
    let fixture = Fixture::with(|config| with_service(config, &tracker), "").await;
    (tracker, fixture)
}

/// What Alice requests is refused with these words, and no approver sees it.
async fn refused(fixture: &Fixture, line: &str, words: &str) {
    let refused = fixture.answer(ALICE, line).await;
    assert!(refused.says(words), "{}", refused.text);
    assert!(fixture.kinds().await.is_empty());
    assert!(fixture.sim.messages(APPROVALS).is_empty());
}

async fn logged(fixture: &Fixture, kind: &str) -> Value {
    let log = fixture.log().await;
    log.iter()
        .map(|entry| serde_json::to_value(entry).unwrap())
        .find(|entry| entry["kind"] == kind)
        .unwrap()
}

/// Alice's access ends for this cause, and everybody is told so in these words.
async fn ends(fixture: &Fixture, words: &str, deleted: bool) {
    fixture.audited(words).await;
    fixture.told(ALICE, words).await;
    assert!(!fixture.admitted(ALICES, SCOPE).await);
    fixture.ended(1).await;
    let started = logged(fixture, "revocation_started").await;
    assert_eq!(started["actor"], "keylend");
    let cause = serde_json::json!({ "cause": "ticket_closed", "deleted": deleted });
    assert_eq!(started["body"]["cause"], cause);
}

/// Alice's access goes on although nobody knows whether the ticket is open.
async fn goes_on_unchecked(fixture: &Fixture, why: &str) {
    fixture.audited("*Alert* `tickets_unchecked`").await;
    fixture.audited(why).await;
    assert!(fixture.admitted(ALICES, SCOPE).await);
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"revocation_started".to_owned()));
}

#[tokio::test]
async fn an_open_ticket_is_granted_and_the_log_names_the_tracker() {
    let (tracker, fixture) = jira("assigned = true").await;
    fixture.granted(REQUEST).await;
    assert!(fixture.admitted(ALICES, SCOPE).await);
    let approved = logged(&fixture, "approved").await;
    let read = &approved["body"]["facts"]["ticket_read"];
    assert_eq!(read["source"], "jira 127.0.0.1");
    assert_eq!(read["id"], "10002");
    assert!(read["read_at"].is_string(), "{read}");
    // At the request, and again at the approval.
    assert!(tracker.asked().len() >= 2);
    // What people write in Jira is not read.
    assert!(!fixture.sim.describe().contains("*Mia*"));
    let log = serde_json::to_string(&fixture.whole_log().await).unwrap();
    assert!(!log.contains("*status*"), "{log}");
}

#[tokio::test]
async fn a_ticket_that_the_tracker_does_not_have_is_refused() {
    let (_tracker, fixture) = jira("").await;
    let line = "request db-prod:write 30m INC-9 writes are failing";
    refused(&fixture, line, "has no such ticket").await;
}

#[tokio::test]
async fn a_request_without_a_ticket_is_refused_although_the_scope_has_no_pattern() {
    let (tracker, fixture) = jira("").await;
    refused(
        &fixture,
        "request db-prod:read 10m look",
        "needs an open ticket",
    )
    .await;
    assert!(tracker.asked().is_empty());
}

#[tokio::test]
async fn a_scope_that_no_pattern_names_needs_no_open_ticket() {
    let (tracker, fixture) = jira("").await;
    fixture.asked("request lab:use 10m look").await;
    assert!(tracker.asked().is_empty());
}

#[tokio::test]
async fn a_closed_ticket_is_refused() {
    let (tracker, fixture) = jira("").await;
    tracker.closes(TICKET);
    refused(&fixture, REQUEST, "The ticket is closed").await;
}

#[tokio::test]
async fn a_ticket_of_somebody_else_is_refused_where_it_has_to_be_assigned() {
    let (tracker, fixture) = jira("assigned = true").await;
    for assignee in [Some("bob@example.com"), None] {
        tracker.opens(TICKET, assignee);
        refused(&fixture, REQUEST, "isn't assigned to the requester").await;
    }
    tracker.opens(TICKET, Some(ALICES));
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn a_tracker_without_a_usable_answer_refuses_and_the_answer_says_why() {
    let (tracker, fixture) = jira("").await;
    for (answer, why) in [
        (Answer::Status(503), "Jira answered with status 503"),
        (Answer::Status(302), "Jira answered with status 302"),
        (Answer::Status(401), "Jira refused the token"),
        (Answer::Stranger, "Jira refused the token"),
        (Answer::Nonsense, "the answer of Jira is not as documented"),
        (Answer::Silence, "Jira did not answer in time"),
    ] {
        tracker.answers(answer);
        refused(&fixture, REQUEST, why).await;
    }
    tracker.answers(Answer::True);
    fixture.asked(REQUEST).await;
}

/// Slack shows an error instead of a form that is not answered within three seconds.
#[tokio::test]
async fn a_form_is_answered_in_time_although_the_tracker_never_answers() {
    let (tracker, fixture) = jira("").await;
    tracker.answers(Answer::Silence);
    let alice = fixture.alice();
    fixture
        .jit(ALICE, "request db-prod:write 30m writes are failing")
        .await;
    fixture.in_time(|_| alice.modal()).await;
    alice.fill("ticket", "ticket", TICKET);
    let submitted = alice.submit().await;
    let Submission::Updated(working) = submitted else {
        panic!("{submitted:?}");
    };
    assert!(working.says("Still working"), "{}", working.all_text());
    let why = "Keylend couldn't look the ticket up: Jira did not answer in time";
    fixture.told(ALICE, why).await;
    assert!(fixture.kinds().await.is_empty());
    assert!(fixture.sim.messages(APPROVALS).is_empty());
}

#[tokio::test]
async fn a_ticket_that_closes_before_the_last_vote_is_not_approved() {
    let tracker = Tracker::start(TOKEN).await;
    tracker.opens(TICKET, None);
    let two = |config: &str| {
        let config = config.replacen(
            "approvers = [\"dba\"]",
            "approvers = [\"dba\"]\napprovals = 2",
            1,
        );
        with_jira(&config, &tracker, "")
    };
    let fixture = Fixture::with(two, "").await;
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.shows(&card, "1 of 2").await;
    tracker.closes(TICKET);
    let card = fixture.open_card().await;
    fixture.carol().click(&card, "approve").await;
    fixture.answered(CAROL, "The ticket is closed").await;
    assert_eq!(fixture.kinds().await, ["requested", "approval_counted"]);
    // Open again, it is approved.
    tracker.opens(TICKET, None);
    let card = fixture.open_card().await;
    fixture.carol().click(&card, "approve").await;
    fixture
        .in_time(|_| fixture.grants(ALICE).into_iter().next())
        .await;
}

#[tokio::test]
async fn an_outage_at_the_approval_refuses_it_and_the_answer_says_why() {
    let (tracker, fixture) = jira("").await;
    let card = fixture.asked(REQUEST).await;
    tracker.answers(Answer::Status(500));
    fixture.bob().click(&card, "approve").await;
    fixture.answered(BOB, "Jira answered with status 500").await;
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn a_rule_grants_only_under_an_open_ticket() {
    let tracker = Tracker::start(TOKEN).await;
    tracker.opens(TICKET, None);
    let rule = "@id(\"engineers\")\npermit (principal in Group::\"engineers\", \
                action == Action::\"auto_approve\", resource == Scope::\"db-prod:write\");";
    let fixture = Fixture::with(|config| with_jira(config, &tracker, ""), rule).await;
    tracker.closes(TICKET);
    refused(&fixture, REQUEST, "The ticket is closed").await;
    tracker.opens(TICKET, None);
    fixture.jit(ALICE, REQUEST).await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let approved = logged(&fixture, "approved").await;
    assert!(approved["body"]["facts"]["ticket_read"].is_object());
}

#[tokio::test]
async fn more_time_needs_an_open_ticket_too() {
    let (tracker, fixture) = jira("").await;
    fixture.granted(REQUEST).await;
    tracker.answers(Answer::Status(503));
    let refused = fixture.answer(ALICE, "extend 10m still failing").await;
    assert!(
        refused.says("Jira answered with status 503"),
        "{}",
        refused.text
    );
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"extension_requested".to_owned()));
}

#[tokio::test]
async fn closing_the_ticket_ends_the_access() {
    let (tracker, fixture) = jira("").await;
    fixture.granted(REQUEST).await;
    tracker.closes(TICKET);
    ends(&fixture, "ticket closed", false).await;
}

#[tokio::test]
async fn deleting_the_ticket_ends_the_access() {
    let (tracker, fixture) = jira("").await;
    fixture.granted(REQUEST).await;
    tracker.deletes(TICKET);
    ends(&fixture, "ticket not found", true).await;
}

#[tokio::test]
async fn an_outage_of_the_tracker_ends_no_access() {
    let (tracker, fixture) = jira("").await;
    fixture.granted(REQUEST).await;
    tracker.answers(Answer::Status(503));
    goes_on_unchecked(&fixture, "Jira answered with status 503").await;
    tracker.answers(Answer::True);
    fixture.audited("*Cleared* `tickets_unchecked`").await;
    assert!(fixture.admitted(ALICES, SCOPE).await);
    tracker.closes(TICKET);
    ends(&fixture, "ticket closed", false).await;
}

#[tokio::test]
async fn a_token_that_jira_no_longer_knows_ends_no_access() {
    let (tracker, fixture) = jira("").await;
    fixture.granted(REQUEST).await;
    // To a stranger, Jira says of each issue that it does not exist.
    tracker.answers(Answer::Stranger);
    goes_on_unchecked(&fixture, "Jira refused the token").await;
}

#[tokio::test]
async fn a_web_service_is_asked_and_its_closing_ends_the_access() {
    let (tracker, fixture) = service().await;
    tracker.answers(Answer::Nonsense);
    refused(&fixture, REQUEST, "answered for another ticket").await;
    tracker.answers(Answer::True);
    fixture.granted(REQUEST).await;
    let approved = logged(&fixture, "approved").await;
    let read = &approved["body"]["facts"]["ticket_read"];
    assert_eq!(read["source"], "webhook 127.0.0.1");
    tracker.closes(TICKET);
    ends(&fixture, "ticket closed", false).await;
}

#[tokio::test]
async fn what_a_web_service_knew_counts_for_a_minute_and_no_longer() {
    let (tracker, fixture) = service().await;
    for as_of in ["2099-11-21T01:58:59Z", "2099-11-21T02:30:00Z"] {
        tracker.knew_at(TICKET, as_of);
        refused(&fixture, REQUEST, "more than 60 seconds old").await;
    }
    tracker.knew_at(TICKET, &fixture.clock.now().to_rfc3339());
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn an_old_answer_that_a_ticket_is_closed_ends_no_access() {
    let (tracker, fixture) = service().await;
    fixture.granted(REQUEST).await;
    tracker.knew_at(TICKET, "2099-11-21T01:00:00Z");
    tracker.closes(TICKET);
    goes_on_unchecked(&fixture, "too old").await;
}

/// Alice's request for later is approved.
async fn approved_for_later(fixture: &Fixture) {
    let berlin = "Europe/Berlin".to_owned();
    fixture.sim.update_person(ALICE, |alice| alice.tz = berlin);
    let later = format!("request {SCOPE} 30m --at 05:00 {TICKET} maintenance");
    let card = fixture.asked(&later).await;
    fixture.bob().click(&card, "approve").await;
    fixture.told(ALICE, "is approved: it starts").await;
}

#[tokio::test]
async fn the_ticket_is_looked_up_again_at_a_start_in_the_future() {
    let (tracker, fixture) = jira("assigned = true").await;
    approved_for_later(&fixture).await;
    tracker.opens(TICKET, Some("bob@example.com"));
    fixture.advance_minutes(119);
    let kinds = fixture.until_logged("ended", 1).await;
    assert!(!kinds.contains(&"layer_granted".to_owned()), "{kinds:?}");
    let why = "won't start: refused at its start: the ticket is not assigned";
    fixture.told(ALICE, why).await;
}

#[tokio::test]
async fn a_start_waits_while_the_tracker_does_not_answer() {
    let (tracker, fixture) = jira("").await;
    approved_for_later(&fixture).await;
    tracker.answers(Answer::Nonsense);
    fixture.advance_minutes(120);
    fixture.audited("*Alert* `tickets_unchecked`").await;
    assert!(!fixture.kinds().await.contains(&"started".to_owned()));
    tracker.answers(Answer::True);
    fixture.advance_minutes(2);
    fixture.until_logged("activated", 1).await;
}

#[tokio::test]
async fn a_start_that_fails_is_tried_again_less_and_less_often() {
    let (tracker, fixture) = jira("").await;
    approved_for_later(&fixture).await;
    tracker.answers(Answer::Nonsense);
    fixture.advance_minutes(120);
    fixture.audited("*Alert* `tickets_unchecked`").await;
    let before = tracker.asked().len();
    for _ in 0..60 {
        fixture.clock.advance(Duration::from_secs(1));
        // Round trips through the service give it its share of the machine.
        for _ in 0..5 {
            fixture.page("/healthz").await;
        }
    }
    let asked = tracker.asked().len() - before;
    assert!(asked <= 20, "asked {asked} times within a minute");
    tracker.answers(Answer::True);
    fixture.until_logged("activated", 1).await;
}

#[tokio::test]
async fn somebody_whose_tickets_are_refused_all_the_time_causes_no_more_look_ups() {
    let (tracker, fixture) = jira("").await;
    let line = |number: u32| format!("request {SCOPE} 30m INC-9{number} writes are failing");
    for number in 0..30 {
        refused(&fixture, &line(number), "has no such ticket").await;
    }
    let before = tracker.asked().len();
    let words = "30 of your tickets were refused within an hour";
    refused(&fixture, &line(30), words).await;
    refused(&fixture, REQUEST, words).await;
    assert_eq!(tracker.asked().len(), before);
    // Somebody else's are looked up, and hers an hour later.
    let others = fixture.answer(DAVE, &line(31)).await;
    assert!(others.says("has no such ticket"), "{}", others.text);
    fixture.advance_minutes(61);
    fixture.asked(REQUEST).await;
}
