//! Cards: one message each, which shows the request as it is.

use std::time::Duration;

use keylend::{
    clock::Clock,
    domain::{ChannelId, Command, Human, Span},
    presentation::Place,
};
use slack_sim::{Call, Fault, Sim};

use super::{
    fixture::{Fixture, asked},
    story::{self, approved, at, done, id, inspected, made, revoked, then, user, withdrawn},
};

const LAYER: [(&str, &str); 1] = [("pg-prod", "member alice of app_writer")];

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_message_in_each_place_which_follows_it_to_its_end() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    let asks = fixture.says("C0DBA", "requests").await;
    assert_eq!(
        asks.buttons(),
        ["approve", "approve_shorter", "deny", "ask_question"]
    );
    let shown = format!("{}.{}", request.id, request.revision);
    assert_eq!(asks.value_of("approve"), Some(shown));
    assert_eq!(
        fixture.tells("U0ALICE", "You requested").await.buttons(),
        ["withdraw"]
    );

    let request = fixture.commit(approved(&request, &LAYER, at(10))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(11))).await;
    let request = fixture.commit(made(&request, 0, at(12))).await;
    fixture.tells("U0ALICE", "You have").await;
    let record = fixture.says("C0DBA", "Active until").await;
    assert!(record.says("Approved by <@U0BOB>") && record.says("rule approver-group"));
    assert_eq!((record.buttons().len(), record.ts), (0, asks.ts));

    let request = fixture.commit(done(&request, at(20))).await;
    fixture.commit(revoked(&request, 0, at(21))).await;
    fixture.says("C0DBA", "Ended").await;
    fixture.settled().await;
    assert_eq!(fixture.sim.messages("C0DBA").len(), 1);
    let told = fixture.sim.dm("U0ALICE");
    let buttons: Vec<_> = told.iter().flat_map(|message| message.buttons()).collect();
    assert_eq!(buttons, ["request_again"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_already_is_not_sent_again() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(1))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(2))).await;
    let request = fixture.commit(made(&request, 0, at(3))).await;
    fixture.settled().await;
    let before = fixture.sim.calls_of("chat.update").len();
    let seen = Command::ShowCredential { by: user("alice") };
    fixture.commit(then(&request, seen, at(4))).await;
    fixture.settled().await;
    assert_eq!(fixture.sim.calls_of("chat.update").len(), before);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_people_wrote_links_unfolds_or_pings() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    fixture.says("C0DBA", "requests").await;
    fixture.commit(withdrawn(&request, at(1))).await;
    fixture.says("C0DBA", "Withdrawn").await;
    let posts = fixture.sim.calls_of("chat.postMessage");
    let updates = fixture.sim.calls_of("chat.update");
    assert!(!posts.is_empty() && !updates.is_empty());
    for post in &posts {
        // An update has no such arguments.
        for key in ["unfurl_links", "unfurl_media"] {
            assert_eq!(post.args[key], false, "{key}");
        }
    }
    for call in posts.iter().chain(&updates) {
        assert_eq!(call.args["parse"], "none", "{}", call.method);
        assert_eq!(call.args["link_names"], false, "{}", call.method);
        assert!(
            call.args["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_when_slack_takes_messages_again() {
    let fixture = Fixture::set().await;
    let refused = Fault::RateLimited {
        retry_after_secs: 30,
    };
    // The three cards may be on their way together.
    fixture.sim.fault("chat.postMessage", refused, 3);
    let running = fixture.run();
    fixture.commit(asked("one", 0)).await;
    fixture.in_time(|sim| sim.messages("C0DBA").pop()).await;
    let calls = fixture.sim.calls_of("chat.postMessage");
    let again = calls[0].at + Duration::from_secs(30);
    for call in calls {
        assert!(!call.ok || call.at >= again, "sent at {}", call.at);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_question_does_not_wait_for_updates_that_slack_holds_back() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let mut old = Vec::new();
    for seed in ["one", "two", "three"] {
        old.push(fixture.commit(asked(seed, 0)).await);
    }
    fixture.settled().await;
    let refused = Fault::RateLimited {
        retry_after_secs: 300,
    };
    fixture.sim.fault("chat.update", refused, usize::MAX);
    for request in &old {
        fixture.commit(withdrawn(request, at(1))).await;
    }
    fixture.commit(asked("new", 2)).await;
    fixture
        .sim
        .wait_until(|sim| (sim.messages("C0DBA").len() == 4).then_some(()))
        .await;
    assert_eq!(fixture.clock.now(), at(2));
    // What is held back is not waited for here: stopping would give it five seconds.
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_slack_holds_back_holds_back_no_other() {
    let fixture = Fixture::set().await;
    let refused = Fault::RateLimited {
        retry_after_secs: 30,
    };
    fixture.sim.fault("chat.postMessage", refused, 1);
    let running = fixture.run();
    fixture.commit(asked("one", 0)).await;
    let reached = |sim: &Sim| {
        let places = [
            sim.messages("C0DBA"),
            sim.messages("C0AUDIT"),
            sim.dm("U0ALICE"),
        ];
        places.iter().filter(|said| !said.is_empty()).count()
    };
    fixture
        .sim
        .wait_until(|sim| (reached(sim) == 2).then_some(()))
        .await;
    assert_eq!(fixture.clock.now(), at(0));
    fixture
        .in_time(|sim| (reached(sim) == 3).then_some(()))
        .await;
    let calls = fixture.sim.calls_of("chat.postMessage");
    let refused = calls.iter().find(|call| !call.ok).unwrap();
    let there = |call: &&Call| call.args["channel"] == refused.args["channel"];
    let again = calls.iter().filter(there).nth(1).unwrap();
    assert!(again.at >= refused.at + Duration::from_secs(30));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_requests_one_person_makes_the_card_of_another_waits_for_few() {
    let fixture = Fixture::with_rate_limits().await;
    for number in 0..300 {
        fixture.commit(asked(&format!("alices {number}"), 0)).await;
    }
    let running = fixture.run();
    // The clock stands, so that Slack holds the channel back after a few of them.
    fixture
        .sim
        .wait_until(|sim| {
            let mut calls = sim.calls_of("chat.postMessage").into_iter();
            calls.find(|call| !call.ok && call.args["channel"] == "C0DBA")
        })
        .await;
    let bobs = story::asked("bobs", "bob", "db-prod:write", at(0));
    let bobs = fixture.commit(bobs).await;
    while fixture.cards().of(bobs.id).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let before = fixture.sim.messages("C0DBA").len();
    assert!(before < 10, "{before}");
    let ahead = |sim: &Sim| {
        let said = sim.messages("C0DBA");
        let place = said.iter().position(|card| card.says("<@U0BOB>"))?;
        Some(place - before)
    };
    let ahead = fixture.in_time(ahead).await;
    assert!(ahead <= 2, "{ahead} cards of Alice's came first");
    // What is left would take minutes.
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_in_trouble_is_tried_again() {
    for fault in [
        Fault::Status(500),
        Fault::Drop,
        Fault::error("internal_error"),
    ] {
        let fixture = Fixture::set().await;
        fixture.sim.fault("chat.postMessage", fault, 4);
        let running = fixture.run();
        fixture.commit(asked("one", 0)).await;
        // Each card on its own, and the line.
        let everywhere = |sim: &Sim| {
            let places = [sim.messages("C0DBA"), sim.dm("U0ALICE")];
            let lines = sim.messages("C0AUDIT").len() > 1;
            (lines && places.iter().all(|it| !it.is_empty())).then_some(())
        };
        fixture.in_time(everywhere).await;
        fixture.settled().await;
        assert_eq!(fixture.sim.messages("C0DBA").len(), 1);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_deleted_is_given_up() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    fixture.settled().await;
    let deleted = Fault::error("message_not_found");
    fixture.sim.fault("chat.update", deleted, usize::MAX);
    fixture.commit(withdrawn(&request, at(1))).await;
    fixture
        .sim
        .wait_until(|sim| (sim.arrivals("chat.update") > 0).then_some(()))
        .await;
    fixture.settled().await;
    fixture.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(fixture.cards().next(at(0)).await.unwrap(), None);
    // In the approval channel, in the audit channel and in a direct message.
    assert_eq!(fixture.sim.calls_of("chat.update").len(), 3);
    running.stop().await;
}

/// Slack has no idempotency key for messages: between its answer and the store's record lies a
/// moment in which a crash, or here a lost answer, makes a message appear twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_shows_a_message_twice_but_never_loses_it() {
    let fixture = Fixture::set().await;
    // Of two of the three cards and the line in the audit channel, or of one of them twice.
    fixture.sim.fault("chat.postMessage", Fault::LoseAnswer, 2);
    let running = fixture.run();
    fixture.commit(asked("one", 0)).await;
    let messages = |sim: &Sim| {
        let channels = ["C0AUDIT", "C0DBA"].map(|channel| sim.messages(channel).len());
        sim.dm("U0ALICE").len() + channels.iter().sum::<usize>()
    };
    fixture
        .in_time(|sim| (messages(sim) == 6).then_some(()))
        .await;
    fixture.settled().await;
    let alice = ChannelId::new("U0ALICE");
    let card = fixture.cards().find(id("one"), Place::Asked, &alice).await;
    let known = card.unwrap().unwrap().ts;
    assert_eq!(
        known,
        fixture.sim.dm("U0ALICE").pop().map(|message| message.ts)
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_extension_is_asked_in_a_message_of_its_own() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(1))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(2))).await;
    let mut request = fixture.commit(made(&request, 0, at(3))).await;
    fixture.settled().await;
    for (times, moment) in [(1, 10), (2, 20)] {
        let more = Command::RequestExtension {
            by: user("alice"),
            human: Human::default(),
            rules: Vec::new(),
            duration: Span::minutes(15),
            lapses_at: at(600),
            reason: String::new(),
        };
        request = fixture.commit(then(&request, more, at(moment))).await;
        fixture
            .sim
            .wait_until(|sim| (sim.messages("C0DBA").len() == 1 + times).then_some(()))
            .await;
        let asks = fixture.sim.messages("C0DBA").pop().unwrap();
        let shown = format!("{}.{}", request.id, request.revision);
        assert_eq!(asks.value_of("approve"), Some(shown));
        request = fixture
            .commit(approved(&request, &[], at(moment + 1)))
            .await;
        fixture.settled().await;
    }
    for message in &fixture.sim.messages("C0DBA")[1..] {
        assert!(message.says("Extended until") && message.buttons().is_empty());
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_settled_while_nobody_spoke_gives_way_to_the_next() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(1))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(2))).await;
    let request = fixture.commit(made(&request, 0, at(3))).await;
    let more = |request: &_, moment| {
        let more = Command::RequestExtension {
            by: user("alice"),
            human: Human::default(),
            rules: Vec::new(),
            duration: Span::minutes(15),
            lapses_at: at(600),
            reason: String::new(),
        };
        then(request, more, at(moment))
    };
    let request = fixture.commit(more(&request, 10)).await;
    let running = fixture.run();
    fixture.settled().await;
    running.stop().await;
    let request = fixture.commit(approved(&request, &[], at(11))).await;
    fixture.commit(more(&request, 20)).await;
    let running = fixture.run();
    fixture.settled().await;
    let questions = fixture.sim.messages("C0DBA");
    let [_, old, new] = questions.as_slice() else {
        panic!("{questions:?}");
    };
    assert!(old.says("is settled") && old.buttons().is_empty());
    assert!(!new.buttons().is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_warned_of_what_is_over() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(1))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(2))).await;
    let request = fixture.commit(made(&request, 0, at(3))).await;
    let warned = then(&request, Command::Warn, request.warn_at.unwrap());
    let request = fixture.commit(warned).await;
    let end = fixture.clock.now() + Duration::from_secs(1);
    let request = fixture.commit(done(&request, end)).await;
    fixture.commit(revoked(&request, 0, end)).await;
    let running = fixture.run();
    fixture.tells("U0ALICE", "has ended").await;
    fixture.settled().await;
    // The request's message, and that the access has ended.
    assert_eq!(fixture.sim.dm("U0ALICE").len(), 2);
    running.stop().await;
}
