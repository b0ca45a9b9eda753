//! The requester's direct messages: one for each request, and a thread that tells what an update does not.

use std::time::Duration;

use keylend::{
    clock::Clock as _,
    domain::{Command, Human, Request, RuleId},
};
use slack_sim::{Fault, Message};

use super::{
    fixture::{Fixture, asked},
    story::{approved, at, done, inspected, made, revoked, then, user},
};

const LAYER: [(&str, &str); 1] = [("pg-prod", "member alice of app_writer")];

async fn active(fixture: &Fixture) -> Request {
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(1))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(2))).await;
    fixture.commit(made(&request, 0, at(3))).await
}

async fn deny(fixture: &Fixture, request: &Request) {
    let deny = Command::Deny {
        by: user("carol"),
        human: Human::default(),
        rules: vec![RuleId::new("approver-group")],
        revision: request.revision,
        reason: format!("not {}", request.id),
    };
    fixture.commit(then(request, deny, at(10))).await;
}

/// The request's message, and what else Alice was told, which is in its thread and shown outside of it.
fn thread(fixture: &Fixture) -> (Message, Vec<Message>) {
    let told = fixture.sim.dm("U0ALICE");
    let (heads, replies): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|it| it.thread_ts.is_none());
    let [head] = &heads[..] else {
        panic!("not one message: {heads:#?}");
    };
    for reply in &replies {
        assert_eq!(reply.thread_ts.as_ref(), Some(&head.ts));
        assert!(reply.is_broadcast && reply.buttons().is_empty());
    }
    (head.clone(), replies)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_has_one_message_and_a_thread_that_tells_of_its_start_its_near_end_and_its_end() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = active(&fixture).await;
    fixture
        .tells("U0ALICE", "You have access to `db-prod:write` until")
        .await;
    fixture.settled().await;
    let (head, _) = thread(&fixture);
    assert_eq!(head.buttons(), ["credentials", "done", "extend"]);

    let warn = then(&request, Command::Warn, request.warn_at.unwrap());
    let request = fixture.commit(warn).await;
    fixture
        .tells("U0ALICE", "Your access to `db-prod:write` ends")
        .await;
    let end = fixture.clock.now() + Duration::from_secs(1);
    let request = fixture.commit(done(&request, end)).await;
    fixture.commit(revoked(&request, 0, end)).await;
    fixture.tells("U0ALICE", "has ended").await;
    fixture.settled().await;
    let (head, replies) = thread(&fixture);
    assert!(head.says("ended"));
    assert_eq!(head.buttons(), ["request_again"]);
    assert_eq!(replies.len(), 3, "{replies:#?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_follows_the_message_that_it_belongs_to_and_is_told_once_across_a_restart() {
    let fixture = Fixture::set().await;
    // Nothing can be posted, so that the first messenger stops before it has told anything.
    let refused = Fault::RateLimited {
        retry_after_secs: 30,
    };
    fixture.sim.fault("chat.postMessage", refused, usize::MAX);
    let running = fixture.run();
    active(&fixture).await;
    fixture
        .sim
        .wait_until(|sim| (sim.arrivals("chat.postMessage") > 0).then_some(()))
        .await;
    running.stop().await;
    fixture.sim.heal();
    for _ in 0..2 {
        let running = fixture.run();
        fixture
            .in_time(|sim| {
                let mut told = sim.dm("U0ALICE").into_iter();
                told.find(|it| it.says("You have access"))
            })
            .await;
        fixture.settled().await;
        running.stop().await;
    }
    let (head, replies) = thread(&fixture);
    assert!(head.buttons().contains(&"done".to_owned()));
    assert_eq!(replies.len(), 1, "{replies:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_notices_for_one_person_make_few_messages_and_none_is_lost() {
    let fixture = Fixture::set().await;
    let mut requests = Vec::new();
    for number in 0..40 {
        let request = asked(&format!("request {number}"), 0);
        requests.push(fixture.commit(request).await);
    }
    for request in &requests {
        deny(&fixture, request).await;
    }
    fixture.clock.advance(Duration::from_secs(1));
    let running = fixture.run();
    let denied = |it: &Message| it.says("denied your request");
    let last = requests.last().unwrap();
    fixture.tells("U0ALICE", &format!("not {}", last.id)).await;
    let told = fixture.sim.dm("U0ALICE");
    let told: Vec<_> = told.into_iter().filter(denied).collect();
    assert!(told.len() < 5, "{}", told.len());
    let lines: usize = told.iter().map(|it| it.text.lines().count()).sum();
    assert_eq!(lines, 40);
    running.stop().await;
}
