//! Feeds: what happened, each once and in order.

use keylend::{
    domain::{Actor, Command, Human, Lock, LockEvent, LockTarget, Request, RuleId},
    store::{Commit, EntryBody, Ledger as _, LockChange, Record},
};
use slack_sim::{Fault, Message};

use super::{
    fixture::{Fixture, asked, asked_in_incident},
    story::{approved, at, done, inspected, made, not_unmade, revoked, then, user},
};

const LAYER: [(&str, &str); 1] = [("pg-prod", "member alice of app_writer")];

/// The lines below the head, in order.
fn lines(thread: &[Message]) -> Vec<String> {
    let texts = thread[1..].iter().map(|message| message.text.clone());
    let texts: Vec<String> = texts.collect();
    texts.join("\n").lines().map(str::to_owned).collect()
}

fn in_order(lines: &[String], words: &[&str]) {
    assert_eq!(lines.len(), words.len(), "{lines:#?}");
    for (line, words) in lines.iter().zip(words) {
        assert!(line.contains(words), "`{words}` is not in `{line}`");
    }
}

async fn whole_life(fixture: &Fixture) -> Request {
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(10))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(11))).await;
    let request = fixture.commit(made(&request, 0, at(12))).await;
    let request = fixture.commit(done(&request, at(20))).await;
    fixture.commit(revoked(&request, 0, at(21))).await
}

const LIFE: [&str; 7] = [
    "requested `db-prod:write`",
    "*approved* by <@U0BOB>",
    "`pg-prod` granted access",
    "*active*",
    "*ending*: <@U0ALICE> is done",
    "`pg-prod`: removal confirmed",
    "*ended*",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_thread_with_its_whole_story_in_order() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    whole_life(&fixture).await;
    fixture.says("C0AUDIT", "*ended*: removal confirmed").await;
    fixture.settled().await;
    let all = fixture.sim.messages("C0AUDIT");
    let thread = fixture.sim.thread("C0AUDIT", &all[0].ts);
    assert_eq!(thread, all, "everything is in one thread");
    assert!(thread[0].says("*ended*"), "{}", thread[0].text);
    in_order(&lines(&thread), &LIFE);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_nobody_told_is_told_in_few_messages() {
    let fixture = Fixture::set().await;
    whole_life(&fixture).await;
    let running = fixture.run();
    fixture.says("C0AUDIT", "*ended*: removal confirmed").await;
    let thread = fixture.sim.messages("C0AUDIT");
    assert_eq!(thread.len(), 2, "the head and one message");
    in_order(&lines(&thread), &LIFE);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_goes_on_where_the_last_one_stopped() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    fixture.says("C0AUDIT", "needs 1 approval").await;
    running.stop().await;
    fixture.commit(approved(&request, &LAYER, at(10))).await;
    let running = fixture.run();
    fixture.says("C0AUDIT", "*approved* by").await;
    fixture.settled().await;
    in_order(&lines(&fixture.sim.messages("C0AUDIT")), &LIFE[..2]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_in_trouble_changes_neither_order_nor_number() {
    let fixture = Fixture::set().await;
    fixture.sim.fault("chat.postMessage", Fault::Status(500), 3);
    fixture.sim.fault("chat.postMessage", Fault::Drop, 3);
    let running = fixture.run();
    whole_life(&fixture).await;
    let ended = |message: &Message| message.says("*ended*: removal confirmed");
    fixture
        .in_time(|sim| sim.messages("C0AUDIT").into_iter().find(ended))
        .await;
    in_order(&lines(&fixture.sim.messages("C0AUDIT")), &LIFE);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_failure_to_revoke_is_heard_beyond_its_thread_in_incident_channels() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let ask = asked_in_incident("one", "C0INC42");
    let request = fixture.commit(ask).await;
    let request = fixture.commit(approved(&request, &LAYER, at(1))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(2))).await;
    let request = fixture.commit(made(&request, 0, at(3))).await;
    let mut request = fixture.commit(done(&request, at(4))).await;
    for (moment, words) in [
        (5, "`pg-prod` failed to revoke access: "),
        (6, "2 times in a row"),
        (7, "3 times in a row"),
    ] {
        let change = not_unmade(&request, 0, at(moment + 1), at(moment));
        request = fixture.commit(change).await;
        fixture.says("C0INC42", words).await;
        fixture.says("C0AUDIT", words).await;
    }
    fixture.settled().await;
    let head = &fixture.sim.messages("C0AUDIT")[0];
    assert!(head.says("*ending*, revoking since"), "{}", head.text);
    assert!(head.says("*Revocation failed*: `pg-prod` has failed 3 times"));
    let is_aloud = |call: &slack_sim::Call| call.args["reply_broadcast"] == true;
    let calls = fixture.sim.calls_of("chat.postMessage");
    let aloud: Vec<_> = calls.into_iter().filter(is_aloud).collect();
    assert_eq!(aloud.len(), 1);
    assert_eq!(aloud[0].args["channel"], "C0INC42");

    fixture.commit(revoked(&request, 0, at(8))).await;
    fixture.says("C0AUDIT", "*ended*: removal confirmed").await;
    fixture.settled().await;
    assert!(!fixture.sim.messages("C0AUDIT")[0].says("Revocation failed"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_channel_follows_the_requests_that_are_mirrored_in_it() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let ask = asked_in_incident("one", "C0INC42");
    let request = fixture.commit(ask).await;
    fixture.commit(asked("two", 1)).await;
    fixture.commit(approved(&request, &LAYER, at(10))).await;
    fixture.says("C0INC42", "*approved* by").await;
    fixture.settled().await;
    let thread = fixture.sim.messages("C0INC42");
    assert!(thread[0].thread_ts.is_none() && thread[0].says("granting access"));
    in_order(&lines(&thread), &LIFE[..2]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_hears_of_a_no_and_why() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    let deny = Command::Deny {
        by: user("bob"),
        human: Human::default(),
        rules: vec![RuleId::new("approver-group")],
        revision: request.revision,
        reason: "use the <!channel> replica".to_owned(),
    };
    fixture.commit(then(&request, deny, at(1))).await;
    let told = fixture.tells("U0ALICE", "<@U0BOB> denied").await;
    assert!(
        told.says("use the &lt;!channel&gt; replica"),
        "{}",
        told.text
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_whose_thread_was_deleted_is_told_in_the_channel() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    fixture.says("C0AUDIT", "needs 1 approval").await;
    fixture.settled().await;
    let deleted = Fault::error("thread_not_found");
    fixture.sim.fault("chat.postMessage", deleted, 1);
    fixture.commit(approved(&request, &LAYER, at(1))).await;
    let told = fixture.says("C0AUDIT", "*approved* by").await;
    assert_eq!(told.thread_ts, None);
    assert!(told.says(&format!("Request `{}`", request.id)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_told_in_the_channel_itself() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let lock = Lock {
        target: LockTarget::Everything,
        person: Human::default(),
        by: user("bob"),
        reason: "incident".to_owned(),
        at: at(0),
        until: None,
    };
    let record = Record {
        at: at(0),
        request: None,
        actor: Actor::Person(user("bob")),
        rules: Vec::new(),
        body: EntryBody::Lock(LockEvent::Locked {
            target: lock.target.clone(),
            person: Human::default(),
            reason: lock.reason.clone(),
            until: None,
        }),
    };
    let commit = Commit {
        lock: Some(LockChange::Set(lock, record)),
        ..Commit::default()
    };
    fixture.store.commit(commit).await.unwrap();
    let told = fixture
        .says("C0AUDIT", "*Everything* locked by <@U0BOB>")
        .await;
    assert_eq!(told.thread_ts, None);
    running.stop().await;
}
