//! The review of what was taken by break-glass: two other people sign off, each once and with a note, whether or
//! not the access has ended.

use std::collections::BTreeMap;

use keylend::domain::{
    Actor, ChannelId, Command, EndCause, GroupName, Human, Lane, Parties, PlannedGrant,
    PlannedReview, Refusal, Request, Review, RuleId, Span, State, UserId, Work,
};

use crate::pending::{pending, start, tell, tell_at};

const WEEK: Span = Span::minutes(7 * 24 * 60);

fn human(name: &str) -> Human {
    Human::new(&UserId::new(name), None)
}

/// What Alice asked for and a rule granted, with a review or without.
fn granted(review: Option<PlannedReview>) -> Request {
    let mut request = pending(2);
    let command = Command::Approve {
        by: Actor::Rule(RuleId::new("oncall-breaks-glass")),
        rules: vec![RuleId::new("oncall-breaks-glass")],
        revision: 1,
        parties: Parties {
            requester: human("U0ALICE"),
            ..Parties::default()
        },
        grant: PlannedGrant {
            review,
            ..PlannedGrant::default()
        },
    };
    tell(&mut request, command).unwrap();
    request
}

fn broken() -> Request {
    granted(Some(PlannedReview {
        reviewers: [GroupName::new("security")].into(),
        channel: ChannelId::new("C0SECURITY"),
    }))
}

fn sign_off(by: &str, note: &str) -> Command {
    Command::SignOff {
        by: UserId::new(by),
        human: human(by),
        requester: Human::default(),
        earlier: BTreeMap::new(),
        note: note.to_owned(),
    }
}

fn review(request: &Request) -> &Review {
    request.review.as_ref().unwrap()
}

#[test]
fn what_is_taken_by_break_glass_is_granted_at_once_and_open_for_review() {
    let request = broken();
    assert_eq!(request.state, State::Approved);
    assert!(review(&request).is_open());
    assert!(granted(None).review.is_none());
}

#[test]
fn two_people_sign_off_each_once_with_a_note_and_never_the_one_who_used_it() {
    let mut request = broken();
    let own = tell(&mut request, sign_off("U0ALICE", "fine"));
    assert_eq!(own, Err(Refusal::OwnReview));
    let silent = tell(&mut request, sign_off("U0SEC", " \n"));
    assert_eq!(silent, Err(Refusal::NoteMissing));
    tell(&mut request, sign_off("U0SEC", " read the session ")).unwrap();
    assert_eq!(review(&request).sign_offs[0].reason, "read the session");
    let again = tell(&mut request, sign_off("U0SEC", "again"));
    assert_eq!(again, Err(Refusal::SignedOffBefore));
    // Another id of the same human.
    let second_id = Command::SignOff {
        by: UserId::new("W0SEC"),
        human: human("W0SEC").with(&human("U0SEC")),
        requester: Human::default(),
        earlier: BTreeMap::new(),
        note: "again".to_owned(),
    };
    assert_eq!(tell(&mut request, second_id), Err(Refusal::SignedOffBefore));
    // Somebody who turned out later to be the first reviewer, or whoever used it.
    let carol = |requester: &str, first: &str| Command::SignOff {
        by: UserId::new("U0CAROL"),
        human: human("U0CAROL"),
        requester: human(requester),
        earlier: [(UserId::new("U0SEC"), human(first))].into(),
        note: "read the session too".to_owned(),
    };
    let again = tell(&mut request, carol("U0ALICE", "U0CAROL"));
    assert_eq!(again, Err(Refusal::SignedOffBefore));
    let own = tell(&mut request, carol("U0CAROL", "U0SEC"));
    assert_eq!(own, Err(Refusal::OwnReview));
    assert!(review(&request).is_open());
    tell(&mut request, sign_off("U0CAROL", "read the session too")).unwrap();
    assert!(!review(&request).is_open());
    let third = tell(&mut request, sign_off("U0DAVE", "me too"));
    assert_eq!(third, Err(Refusal::ReviewClosed));
}

#[test]
fn what_was_approved_is_not_reviewed() {
    let mut request = granted(None);
    let refused = tell(&mut request, sign_off("U0SEC", "fine"));
    assert_eq!(refused, Err(Refusal::NoReview));
    assert_eq!(request.next_review_reminder(), None);
}

#[test]
fn a_review_stays_open_after_the_end_and_is_reminded_weekly_for_a_year_at_most() {
    let mut request = broken();
    let end = Command::End {
        by: Actor::Keylend,
        rules: Vec::new(),
        cause: EndCause::Expired,
    };
    tell(&mut request, end).unwrap();
    assert!(!request.is_open());
    let due = request.due();
    let reminder = due
        .iter()
        .find(|due| due.work == Work::RemindReview { step: 1 });
    let reminder = reminder.unwrap();
    assert_eq!(
        (reminder.at, &reminder.lane),
        (WEEK.after(start()), &Lane::Clock)
    );

    let remind = |request: &mut Request, now| tell_at(request, Command::RemindReview, now);
    assert_eq!(remind(&mut request, start()), Err(Refusal::NotDue));
    // Late by two weeks: one reminder, not three.
    let later = WEEK.and(WEEK).and(WEEK).after(start());
    remind(&mut request, later).unwrap();
    assert_eq!(review(&request).reminded, 3);
    assert_eq!(remind(&mut request, later), Err(Refusal::NotDue));
    let years = Span::seconds(WEEK.as_seconds() * 200).after(start());
    remind(&mut request, years).unwrap();
    assert_eq!(review(&request).reminded, Review::REMINDERS);
    assert_eq!(request.next_review_reminder(), None);
    // It can still be signed off, and then nobody is reminded.
    let mut other = broken();
    for by in ["U0SEC", "U0CAROL"] {
        tell(&mut request, sign_off(by, "late, and fine")).unwrap();
        tell(&mut other, sign_off(by, "fine")).unwrap();
    }
    assert!(!review(&request).is_open());
    assert_eq!(other.next_review_reminder(), None);
}
