//! What people read of access that starts later than its approval.

use chrono::TimeDelta;
use keylend::{
    domain::{Actor, ApprovalFacts, Command, EndCause, Parties, Request, UserId},
    presentation::Place,
    slack::view::{
        answer,
        card::card,
        line::{line, notice},
        notification::{Waiting, in_person},
    },
};

use super::{
    CONTEXT, as_read,
    story::{Story, terms},
    with_short_times,
};

/// It was asked for at 10:00.
fn pending() -> Story {
    Story::begin_later(terms(None), 1, Some(TimeDelta::hours(12)))
}

fn shown(place: Place, request: &Request) -> String {
    with_short_times(&as_read(&card(place, request, &CONTEXT).unwrap()))
}

/// The last line, and the last notice.
fn said(story: &Story) -> (String, Option<String>) {
    let (entry, request) = story.log.last().unwrap();
    let line = line(entry, request, &[]).unwrap();
    let notice = notice(entry, request).map(|notice| with_short_times(&notice));
    (with_short_times(&line), notice)
}

#[test]
fn everybody_reads_when_access_starts() {
    let pending = pending();
    let waits = &pending.request;
    let asks =
        "requests *Production database, write* (`db-prod:write`) for *30m*, starting ‹22:00›.";
    let approval = shown(Place::Approval, waits);
    assert!(approval.contains(asks), "{approval}");
    let asked = shown(Place::Asked, waits);
    assert!(asked.contains("for *30m*, starting ‹22:00›."), "{asked}");
    let (line, _) = said(&pending);
    assert!(line.contains("for 30m · starts ‹22:00› · ticket"), "{line}");
    let told = in_person(&[Waiting {
        request: waits.clone(),
        is_reminder: false,
        link: None,
    }]);
    assert!(with_short_times(&told).contains("for 30m, starting ‹22:00›"));

    let approved = pending.approve("U0BOB");
    let request = &approved.request;
    let when = "starts ‹22:00› and ends ‹22:30›";
    let approval = shown(Place::Approval, request);
    assert!(
        approval.contains(&format!(":calendar: Approved: {when}.")),
        "{approval}"
    );
    let asked = shown(Place::Asked, request);
    assert!(asked.contains("button: [Withdraw]"), "{asked}");
    let head = shown(Place::Audit, request);
    assert!(head.contains(&format!("*approved*, {when}")), "{head}");
    let (line, notice) = said(&approved);
    assert!(line.contains("· starts ‹22:00› · ends ‹22:30›"), "{line}");
    let notice = notice.unwrap();
    assert!(
        notice.contains(&format!("is approved: it {when}.")),
        "{notice}"
    );
    let status = answer::status(std::slice::from_ref(request), request.asked_at);
    assert!(with_short_times(&status).contains(&format!("*Approved* · `db-prod:write`, {when}")));
}

#[test]
fn access_that_never_started_is_not_said_to_have_been_there() {
    let approved = pending().approve("U0BOB");
    let refused = approved.after(
        12 * 60,
        Command::RefuseStart {
            rules: Vec::new(),
            reason: "not at night".to_owned(),
        },
    );
    let because = "refused at its start: not at night";
    let (line, notice) = said(&refused);
    assert!(
        line.contains("before it started: nothing was granted"),
        "{line}"
    );
    let expected = format!(
        ":no_entry: Your access to `db-prod:write` won't start: {because}. Nothing was granted."
    );
    assert_eq!(notice, Some(expected));
    let card = shown(Place::Approval, &refused.request);
    assert!(
        card.contains(&format!("before it started: {because}. Nothing")),
        "{card}"
    );

    let withdrawn = approved.end(Actor::Person(UserId::new("U0ALICE")), EndCause::Withdrawn);
    assert_eq!(said(&withdrawn).1, None);
}

#[test]
fn the_start_has_a_line() {
    let approved = pending().approve("U0BOB");
    let votes = approved.request.approvals.iter();
    let votes = votes.filter_map(|approval| match &approval.by {
        Actor::Person(id) => Some((
            id.clone(),
            keylend::domain::Vote::Counts {
                human: approval.human.clone(),
            },
        )),
        _ => None,
    });
    let started = approved.after(
        12 * 60,
        Command::Start {
            terms: approved.request.terms.clone(),
            approvals_needed: 1,
            stages: Vec::new(),
            parties: Parties {
                votes: votes.collect(),
                ..Parties::default()
            },
            after: Vec::new(),
            facts: ApprovalFacts::default(),
        },
    );
    let (line, notice) = said(&started);
    assert!(line.contains("*started*"), "{line}");
    assert_eq!(notice, None);
}
