//! An approver gives less time than what was asked for, never more.

use keylend::{
    domain::{Event, Span, Time},
    store::EntryBody,
};
use slack_sim::{Message, Submission};

use crate::support::fixture::{ALICE, Fixture, REQUEST};

/// Bob chooses this time on the card.
async fn shorten(fixture: &Fixture, card: &Message, duration: &str) -> Submission {
    let bob = fixture.bob();
    if bob.modal().is_none() {
        bob.click(card, "approve_shorter").await;
        fixture.in_time(|_| bob.modal()).await;
    }
    bob.fill("duration", "duration", duration);
    bob.submit().await
}

/// The end that each approval gave, with when it was given and what its approver chose.
async fn approved(fixture: &Fixture) -> Vec<(Time, Time, Option<Span>)> {
    let log = fixture.log().await;
    let given = log.iter().filter_map(|entry| match &entry.body {
        EntryBody::Request(
            Event::Approved {
                expires_at,
                duration,
                ..
            }
            | Event::Extended {
                expires_at,
                duration,
                ..
            },
        ) => Some((entry.at, *expires_at, *duration)),
        _ => None,
    });
    given.collect()
}

#[tokio::test]
async fn the_grant_lasts_as_long_as_the_approver_chose() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    assert!(matches!(
        shorten(&fixture, &card, "15m").await,
        Submission::Closed
    ));
    fixture.until_logged("activated", 1).await;
    let (at, ends, chosen) = approved(&fixture).await[0];
    assert_eq!(chosen, Some(Span::minutes(15)));
    assert_eq!(ends, Span::minutes(15).after(at));
    fixture
        .told(ALICE, "Approved for 15m instead of 30m by")
        .await;
    fixture.audited("shortened to 15m").await;
    fixture.advance_minutes(15);
    fixture.ended(1).await;
}

#[tokio::test]
async fn a_time_can_be_chosen_from_the_list() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let bob = fixture.bob();
    bob.click(&card, "approve_shorter").await;
    fixture.in_time(|_| bob.modal()).await;
    bob.fill("choice", "choice", "10m");
    assert!(matches!(bob.submit().await, Submission::Closed));
    fixture.until_logged("approved", 1).await;
    assert_eq!(approved(&fixture).await[0].2, Some(Span::minutes(10)));
}

#[tokio::test]
async fn an_approver_can_neither_lengthen_nor_give_less_than_the_shortest_time() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    for (typed, said) in [
        ("1h", "You can only shorten this"),
        ("10s", "Choose at least"),
        ("soon", "isn't clear"),
    ] {
        let Submission::Errors(errors) = shorten(&fixture, &card, typed).await else {
            panic!("{typed} was accepted");
        };
        assert!(errors["duration"].contains(said), "{errors:?}");
    }
    assert!(approved(&fixture).await.is_empty());
}

#[tokio::test]
async fn of_several_approvals_the_shortest_counts() {
    let fixture = Fixture::start().await;
    let card = fixture
        .asked("request db-prod:admin 15m the owner is wrong")
        .await;
    shorten(&fixture, &card, "5m").await;
    fixture.until_logged("approval_counted", 1).await;
    fixture.carol().click(&card, "approve").await;
    fixture.until_logged("approved", 1).await;
    let (at, ends, chosen) = approved(&fixture).await[0];
    assert_eq!(chosen, None);
    assert_eq!(ends, Span::minutes(5).after(at));
    fixture
        .told(ALICE, "Approved for 5m instead of 15m by")
        .await;
}

#[tokio::test]
async fn more_time_can_be_shortened_too() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend 20m").await;
    let card = fixture.open_card().await;
    shorten(&fixture, &card, "10m").await;
    fixture.until_logged("extended", 1).await;
    let given = approved(&fixture).await;
    assert_eq!(given[1].1, Span::minutes(10).after(given[0].1));
    fixture.told(ALICE, "for 10m instead of 20m by").await;
}

#[tokio::test]
async fn who_cannot_approve_is_asked_for_no_time() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.alice().click(&card, "approve_shorter").await;
    fixture.answered(ALICE, "no-self-approval").await;
    assert!(fixture.alice().modal().is_none());
}
