//! Backlogs: one person or one incident channel that cannot be told anything holds up no other.

use std::time::Duration;

use keylend::{
    clock::Clock as _,
    domain::{Command, Human, Request, RuleId},
    store::Change,
};
use slack_sim::Fault;

use super::{
    fixture::{Fixture, Running, asked, asked_in_incident},
    story::{self, approved, at, then, user},
};

const LAYER: [(&str, &str); 1] = [("pg-prod", "member alice of app_writer")];

const LIMITED: Fault = Fault::RateLimited {
    retry_after_secs: 600,
};

/// A messenger whose next post is about one of these requests: the audit channel is closed, and everything
/// else was posted.
async fn quiet<const N: usize>(fixture: &Fixture, changes: [Change; N]) -> (Running, [Request; N]) {
    fixture.sim.archive("C0AUDIT");
    let running = fixture.run();
    let mut requests = Vec::new();
    for change in changes {
        requests.push(fixture.commit(change).await);
    }
    let alert = "*Alert* `channel_unavailable:C0AUDIT`";
    fixture
        .in_time(|sim| {
            let told = sim.messages("C0DBA");
            told.iter().any(|line| line.says(alert)).then_some(())
        })
        .await;
    fixture.settled_for_now().await;
    (running, requests.try_into().unwrap())
}

fn denied(fixture: &Fixture, request: &Request, why: &str) -> Change {
    let deny = Command::Deny {
        by: user("carol"),
        human: Human::default(),
        rules: vec![RuleId::new("approver-group")],
        revision: request.revision,
        reason: why.to_owned(),
    };
    then(request, deny, fixture.clock.now())
}

/// Waits, while the clock stands, until Slack got another post.
async fn arrived(fixture: &Fixture, before: usize) {
    let arrived = |sim: &slack_sim::Sim| (sim.arrivals("chat.postMessage") > before).then_some(());
    fixture.sim.wait_until(arrived).await;
}

fn heard(fixture: &Fixture, person: &str, words: &str) -> usize {
    let told = fixture.sim.dm(person);
    told.iter().filter(|message| message.says(words)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_slack_holds_back_or_does_not_answer_for_holds_up_no_other() {
    for fault in [LIMITED, Fault::Hang] {
        let fixture = Fixture::set().await;
        let bobs = story::asked("two", "bob", "db-prod:write", at(1));
        let (running, [alices, bobs]) = quiet(&fixture, [asked("one", 0), bobs]).await;
        let before = fixture.sim.arrivals("chat.postMessage");
        fixture.sim.fault("chat.postMessage", fault, 1);
        fixture.commit(denied(&fixture, &alices, "no, Alice")).await;
        arrived(&fixture, before).await;
        // The clock stands: nothing is tried again.
        fixture.commit(denied(&fixture, &bobs, "no, Bob")).await;
        fixture
            .tells(
                "U0BOB",
                "<@U0CAROL> denied your request for `db-prod:write`: no, Bob",
            )
            .await;
        assert_eq!(heard(&fixture, "U0ALICE", "denied your request"), 0);
        fixture.sim.heal();
        fixture
            .in_time(|_| {
                let denied = "<@U0CAROL> denied your request for `db-prod:write`: no, Alice";
                let told = heard(&fixture, "U0ALICE", denied);
                (told == 1).then_some(())
            })
            .await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_channel_that_slack_holds_back_holds_up_no_other() {
    let fixture = Fixture::set().await;
    let asked = [
        asked_in_incident("one", "C0INC42"),
        asked_in_incident("two", "C0INC43"),
    ];
    let (running, [first, second]) = quiet(&fixture, asked).await;
    for channel in ["C0INC42", "C0INC43"] {
        fixture.says(channel, "requested").await;
    }
    let before = fixture.sim.arrivals("chat.postMessage");
    fixture.sim.fault("chat.postMessage", LIMITED, 1);
    let now = fixture.clock.now();
    fixture.commit(approved(&first, &LAYER, now)).await;
    arrived(&fixture, before).await;
    fixture.commit(approved(&second, &LAYER, now)).await;
    fixture.says("C0INC43", "*approved* by").await;
    let told = fixture.sim.messages("C0INC42");
    assert!(!told.iter().any(|line| line.says("*approved* by")));
    fixture.clock.advance(Duration::from_secs(600));
    fixture.says("C0INC42", "*approved* by").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_takes_over_tells_what_was_missed_in_order_and_once() {
    let fixture = Fixture::set().await;
    let changes = [asked("one", 0), asked("two", 1)];
    let (running, [one, two]) = quiet(&fixture, changes).await;
    let before = fixture.sim.arrivals("chat.postMessage");
    fixture.sim.fault("chat.postMessage", LIMITED, 1);
    fixture.commit(denied(&fixture, &one, "first no")).await;
    arrived(&fixture, before).await;
    fixture.commit(denied(&fixture, &two, "second no")).await;
    running.stop().await;
    assert_eq!(heard(&fixture, "U0ALICE", "denied your request"), 0);

    let running = fixture.run();
    fixture
        .in_time(|_| (heard(&fixture, "U0ALICE", "denied your request") == 2).then_some(()))
        .await;
    let mut told = fixture.sim.dm("U0ALICE");
    told.retain(|message| message.says("denied your request"));
    assert!(told[0].says("first no"), "{told:#?}");
    assert!(told[1].says("second no"), "{told:#?}");
    fixture.settled_for_now().await;
    assert_eq!(heard(&fixture, "U0ALICE", "denied your request"), 2);
    running.stop().await;
}
