//! More time: until when it can be answered, who says yes, and how much there can be.

use keylend::{
    domain::{Event, Span, Time},
    store::{Entry, EntryBody},
};
use slack_sim::Person;

use crate::support::fixture::{ALICE, APPROVALS, Fixture, REQUEST};

/// A rule that approves what is of low risk, and what else `policy` says.
async fn with_low_risk(policy: &str) -> Fixture {
    let low_risk = r#"
        @id("low-risk")
        permit (principal, action == Action::"auto_approve", resource)
        when { resource.risk == Risk::"low" };
    "#;
    Fixture::with(str::to_owned, &format!("{low_risk}{policy}")).await
}

/// The ends that approvals gave to the grant, as the log says.
async fn ends(fixture: &Fixture) -> Vec<Time> {
    let log = fixture.log().await;
    let given = log.iter().filter_map(|entry| match &entry.body {
        EntryBody::Request(
            Event::Approved { expires_at, .. } | Event::Extended { expires_at, .. },
        ) => Some(*expires_at),
        _ => None,
    });
    given.collect()
}

/// Who gave more time, as the log says.
async fn extended_by(fixture: &Fixture) -> Vec<String> {
    let log = fixture.log().await;
    let is_extended =
        |entry: &&Entry| matches!(entry.body, EntryBody::Request(Event::Extended { .. }));
    let extended = log.iter().filter(is_extended);
    extended.map(|entry| entry.actor.to_string()).collect()
}

#[tokio::test]
async fn more_time_is_to_be_answered_by_the_end_of_the_grant() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(10);
    fixture.jit(ALICE, "extend 20m").await;
    let card = fixture.open_card().await;
    let end = ends(&fixture).await[0];
    let answer_by = format!("Decide by: <!date^{}^", end.timestamp());
    assert!(card.says(&answer_by), "{}", card.all_text());

    fixture.advance_minutes(20);
    fixture.shows(&card, "before anybody decided").await;
    fixture.ended(1).await;
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"extension_lapsed".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_rule_that_approves_requests_approves_more_time_too() {
    let fixture = with_low_risk("").await;
    fixture.jit(ALICE, "request db-prod:read 10m look").await;
    fixture.until_logged("activated", 1).await;
    fixture.advance_minutes(5);
    let answer = fixture.answer(ALICE, "extend 10m").await;
    assert!(answer.says("now ends"), "{}", answer.text);
    assert_eq!(extended_by(&fixture).await, ["rule:low-risk"]);
    fixture.told(ALICE, "extended your access").await;
    let card = fixture
        .in_time(|sim| {
            let mut cards = sim.messages(APPROVALS).into_iter();
            cards.find(|card| card.says("Extended until"))
        })
        .await;
    assert!(card.buttons().is_empty(), "{}", card.all_text());
    let ends = ends(&fixture).await;
    assert_eq!(ends[1], Span::minutes(10).after(ends[0]));
    assert!(fixture.admitted(ALICE, "db-prod:read").await);
}

#[tokio::test]
async fn a_rule_can_tell_more_time_from_a_request() {
    let policy = r#"
        @id("people-extend")
        @reason("People decide on more time.")
        forbid (principal, action == Action::"auto_approve", resource)
        when { context.extension };
        @id("no-more-time")
        @reason("There is no more time for what is of high risk.")
        forbid (principal, action == Action::"approve", resource)
        when { context.extension && resource.risk == Risk::"high" };
    "#;
    let fixture = with_low_risk(policy).await;
    fixture.jit(ALICE, "request db-prod:read 10m look").await;
    fixture.until_logged("activated", 1).await;
    fixture.jit(ALICE, "extend 10m").await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("extended", 1).await;
    assert_eq!(extended_by(&fixture).await, ["person:U0BOB"]);

    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend db-prod:write 10m").await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.answered("U0BOB", "no-more-time").await;
    assert_eq!(extended_by(&fixture).await.len(), 1);
}

#[tokio::test]
async fn a_rule_about_more_time_counts_when_it_is_approved_too() {
    let policy = r#"
        @id("not-late")
        @reason("There is no more time from 02:20 on.")
        forbid (principal, action == Action::"extend", resource)
        when { context.now >= datetime("2099-11-21T02:20:00Z") };
    "#;
    let fixture = with_low_risk(policy).await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend db-prod:write 10m").await;
    let card = fixture.open_card().await;
    fixture.advance_minutes(20);
    fixture.bob().click(&card, "approve").await;
    fixture.answered("U0BOB", "not-late").await;
    assert!(extended_by(&fixture).await.is_empty());
}

#[tokio::test]
async fn no_rule_approves_what_another_account_of_the_requester_asks() {
    let fixture = with_low_risk("").await;
    fixture.sim.add_person(Person {
        email: "alice@example.com".to_owned(),
        ..Person::member("W0ALICE", "alice-2")
    });
    fixture.sim.set_group("S0ENG", [ALICE, "W0ALICE"]);
    fixture.jit(ALICE, "request db-prod:read 10m look").await;
    let grant = fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    let value = grant.value_of("extend").unwrap();
    let (id, _) = value.split_once('.').unwrap();
    fixture.jit("W0ALICE", &format!("extend {id} 10m")).await;
    let card = fixture.open_card().await;
    assert!(extended_by(&fixture).await.is_empty());
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("extended", 1).await;
}

#[tokio::test]
async fn what_still_fits_is_said_where_more_time_is_too_much() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let answer = fixture.answer(ALICE, "extend 40m").await;
    let fits = "You can extend this by at most 30m now. You requested 40m.";
    assert!(answer.says(fits), "{}", answer.text);
    extended(&fixture, "extend 30m").await;

    // An hour in all is the limit where `max_total` says nothing, however little is left of it.
    fixture.advance_minutes(50);
    let answer = fixture.answer(ALICE, "extend 10m").await;
    assert!(
        answer.says("lasts as long as its scope allows"),
        "{}",
        answer.text
    );
    assert_eq!(extended_by(&fixture).await.len(), 1);
}

#[tokio::test]
async fn a_grant_lasts_no_longer_with_all_its_extensions_than_its_scope_allows() {
    let longest = "max_duration = \"1h\"";
    let longer = format!("{longest}\nmax_total = \"2h\"");
    let fixture = Fixture::with(|config| config.replace(longest, &longer), "").await;
    fixture.granted(REQUEST).await;
    extended(&fixture, "extend 30m").await;
    fixture.advance_minutes(45);
    // A quarter of an hour is left at most, and one approval gives an hour.
    let answer = fixture.answer(ALICE, "extend 60m").await;
    assert!(answer.says("by at most 4"), "{}", answer.text);
    extended(&fixture, "extend 45m").await;
    fixture.advance_minutes(45);
    let answer = fixture.answer(ALICE, "extend 20m").await;
    assert!(answer.says("by at most 15m now"), "{}", answer.text);
    extended(&fixture, "extend 15m").await;
    fixture.advance_minutes(5);
    let answer = fixture.answer(ALICE, "extend 5m").await;
    assert!(
        answer.says("lasts as long as its scope allows"),
        "{}",
        answer.text
    );
    let ends = ends(&fixture).await;
    assert_eq!(ends[3], Span::minutes(90).after(ends[0]));
}

/// Alice asks for more time, and Bob approves it.
async fn extended(fixture: &Fixture, line: &str) {
    let before = extended_by(fixture).await.len();
    fixture.jit(ALICE, line).await;
    let card = fixture.open_card().await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("extended", before + 1).await;
    fixture.shows(&card, "Extended until").await;
}
