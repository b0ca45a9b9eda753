//! How approvers hear of what waits for their decision: once, and many requests together.

use std::{collections::BTreeSet, time::Duration};

use keylend::{
    domain::{Command, GroupName, Human, Notifications, Notify, Request, ScopeNotify, Span},
    store::{Documents as _, Store as _},
};
use slack_sim::{Message, Sim};

use super::{
    fixture::{Fixture, asked},
    story::{approved, at, inspected, made, then, user, withdrawn},
};

const MENTION: &str = "<!subteam^S0DBA>";

fn groups(names: &[&str]) -> BTreeSet<GroupName> {
    names.iter().copied().map(GroupName::new).collect()
}

fn notifying(notify: Notify, approvers: &[&str], escalate_to: &[&str]) -> Notifications {
    let scope = ScopeNotify {
        notify,
        approvers: groups(approvers),
        escalate_to: groups(escalate_to),
        break_glass: false,
    };
    [("db-prod:write".parse().unwrap(), scope)].into()
}

/// The messages of the approval channel that say this.
fn saying(sim: &Sim, words: &str) -> Vec<Message> {
    let mut messages = sim.messages("C0DBA");
    messages.retain(|message| message.says(words));
    messages
}

async fn reminded(fixture: &Fixture, request: &Request, seconds: i64) -> Request {
    let change = then(request, Command::Remind, at(seconds));
    fixture.commit(change).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_group_is_mentioned_once_in_the_cards_thread_whoever_takes_over() {
    let fixture = Fixture::set().await;
    let group = || notifying(Notify::Group, &["dba"], &[]);
    let running = fixture.run_notifying(group());
    fixture.commit(asked("one", 0)).await;
    let told = fixture.says("C0DBA", MENTION).await;
    assert!(told.says("`db-prod:write` for 30m is waiting for your approval"));
    assert!(!told.says("U0ALICE"), "the requester is not mentioned");
    let thread = told.thread_ts.clone().unwrap();
    assert!(
        fixture
            .sim
            .message("C0DBA", &thread)
            .unwrap()
            .says("requests")
    );
    running.stop().await;

    let running = fixture.run_notifying(group());
    fixture.commit(asked("two", 100)).await;
    fixture
        .in_time(|sim| (saying(sim, MENTION).len() == 2).then_some(()))
        .await;
    assert_eq!(fixture.sim.thread("C0DBA", &thread).len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_members_are_mentioned_but_not_the_requester() {
    let fixture = Fixture::set().await;
    let running = fixture.run_notifying(notifying(Notify::Group, &["leads"], &[]));
    fixture.commit(asked("one", 0)).await;
    let told = fixture.says("C0DBA", "for your approval").await;
    assert!(
        told.says("<@U0CAROL>") && !told.says("U0ALICE"),
        "{}",
        told.text
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvers_get_one_direct_message_each_with_a_link_to_the_card() {
    let fixture = Fixture::set().await;
    let running = fixture.run_notifying(notifying(Notify::Direct, &["dba", "leads"], &[]));
    fixture.commit(asked("one", 0)).await;
    for person in ["U0BOB", "U0CAROL"] {
        let told = fixture.tells(person, "waiting for your approval").await;
        assert!(
            told.says("<@U0ALICE> · `db-prod:write` for 30m"),
            "{}",
            told.text
        );
        assert!(told.says("/archives/C0DBA/p"), "{}", told.text);
    }
    fixture.settled().await;
    let told = |person: &str| {
        let mut told = fixture.sim.dm(person);
        told.retain(|message| message.says("waiting for your approval"));
        told.len()
    };
    assert_eq!(["U0ALICE", "U0BOB", "U0CAROL"].map(told), [0, 1, 1]);
    assert!(saying(&fixture.sim, "for your approval").is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_are_one_mention() {
    let fixture = Fixture::set().await;
    let running = fixture.run_notifying(notifying(Notify::Group, &["dba"], &[]));
    fixture.commit(asked("first", 0)).await;
    fixture.says("C0DBA", MENTION).await;
    for number in 0..20 {
        fixture.commit(asked(&format!("n{number}"), 1)).await;
    }
    // All of them wait for the next mention before the clock moves.
    while fixture.store.cursor("approvers").await.unwrap() < *fixture.store.head().borrow() {
        tokio::task::yield_now().await;
    }
    let told = fixture
        .in_time(|sim| saying(sim, "20 requests are waiting for approval:").pop())
        .await;
    assert!(told.says(MENTION) && told.thread_ts.is_none());
    assert!(told.says("• and 10 more"), "{}", told.text);
    assert!(told.says("/archives/C0DBA/p"), "{}", told.text);
    assert_eq!(saying(&fixture.sim, MENTION).len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_of_what_was_decided_meanwhile() {
    let fixture = Fixture::set().await;
    let running = fixture.run_notifying(notifying(Notify::Group, &["dba"], &[]));
    fixture.commit(asked("first", 0)).await;
    fixture.says("C0DBA", MENTION).await;
    // The group waits for its next mention while the second request comes and goes.
    let second = fixture.commit(asked("second", 1)).await;
    fixture.commit(withdrawn(&second, at(2))).await;
    let third = fixture.commit(asked("third", 3)).await;
    fixture
        .in_time(|sim| (saying(sim, MENTION).len() == 2).then_some(()))
        .await;
    let told = saying(&fixture.sim, MENTION).pop().unwrap();
    assert!(told.says("is waiting for your approval"), "{}", told.text);
    let card = fixture.cards().of(third.id).await.unwrap();
    let card = card.iter().find(|card| card.channel.as_str() == "C0DBA");
    assert_eq!(told.thread_ts, card.unwrap().ts);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_are_posted_in_the_cards_thread_and_the_second_one_escalates() {
    let fixture = Fixture::set().await;
    let running = fixture.run_notifying(notifying(Notify::Channel, &["dba"], &["leads"]));
    let request = fixture.commit(asked("one", 0)).await;
    fixture.settled().await;
    assert_eq!(fixture.sim.messages("C0DBA").len(), 1, "the card alone");
    let request = reminded(&fixture, &request, 1200).await;
    let first = fixture.says("C0DBA", "Reminder").await;
    assert!(first.thread_ts.is_some());
    assert!(
        !first.says("<@") && !first.says("<!subteam"),
        "{}",
        first.text
    );
    let request = reminded(&fixture, &request, 2400).await;
    // A channel hears of approvals at most once in 30 seconds.
    fixture.clock.advance(Duration::from_secs(31));
    let second = fixture.says("C0DBA", "<@U0CAROL> :bell: Reminder").await;
    assert_eq!(second.thread_ts, first.thread_ts);
    assert!(!second.says("U0ALICE"), "{}", second.text);
    // Once it is decided, the thread is quiet.
    let layer = [("pg-prod", "member alice of app_writer")];
    fixture.commit(approved(&request, &layer, at(2401))).await;
    fixture.says("C0AUDIT", "*approved* by").await;
    fixture.settled().await;
    assert_eq!(saying(&fixture.sim, "Reminder").len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_of_what_was_decided_before_it_was_posted_is_not_posted() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked("one", 0)).await;
    let request = reminded(&fixture, &request, 1200).await;
    fixture.commit(withdrawn(&request, at(1201))).await;
    let running = fixture.run_notifying(notifying(Notify::Group, &["dba"], &[]));
    fixture.says("C0DBA", "Withdrawn").await;
    // Behind it in the log, so it was looked at.
    fixture.commit(asked("two", 1300)).await;
    fixture.says("C0DBA", MENTION).await;
    assert!(saying(&fixture.sim, "Reminder").is_empty());
    assert_eq!(saying(&fixture.sim, MENTION).len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvers_are_reminded_of_more_time_in_the_thread_of_its_card() {
    let fixture = Fixture::set().await;
    let running = fixture.run_notifying(notifying(Notify::Group, &["dba"], &[]));
    let layer = [("pg-prod", "member alice of app_writer")];
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &layer, at(10))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(11))).await;
    let request = fixture.commit(made(&request, 0, at(12))).await;
    let more = Command::RequestExtension {
        by: user("alice"),
        human: Human::default(),
        rules: Vec::new(),
        duration: Span::minutes(10),
        lapses_at: at(620),
        reason: String::new(),
    };
    let request = fixture.commit(then(&request, more, at(20))).await;
    let asked = "10m more of `db-prod:write` is waiting for your approval";
    fixture.in_time(|sim| saying(sim, asked).pop()).await;
    reminded(&fixture, &request, 220).await;
    let told = fixture
        .in_time(|sim| saying(sim, "Reminder: 10m more of `db-prod:write`").pop())
        .await;
    let card = fixture.sim.message("C0DBA", &told.thread_ts.unwrap());
    assert!(card.unwrap().says("More time"));
    running.stop().await;
}
