//! Channels in trouble: nothing is lost, everybody concerned hears of it, and all of it is caught
//! up when the channel is back.

use std::time::Duration;

use keylend::store::{Place, Store};
use slack_sim::{Fault, Sim};

use super::{
    stage::{Stage, asked, asked_in_incident, card},
    story::{approved, at, done, inspected, made, with_cards, withdrawn},
};

const LAYER: [(&str, &str); 1] = [("pg-prod", "member alice of app_writer")];

fn says(sim: &Sim, channel: &str, words: &str) -> Option<()> {
    let messages = sim.messages(channel);
    messages.iter().any(|one| one.says(words)).then_some(())
}

fn tells(sim: &Sim, person: &str, words: &str) -> Option<()> {
    let messages = sim.dm(person);
    messages.iter().any(|one| one.says(words)).then_some(())
}

fn raised(stage: &Stage, name: &str) -> bool {
    stage.alerts.raised().contains_key(name)
}

/// Alice asks, and the approval channel takes no messages until `back`; answers what she is told
/// of it.
async fn while_the_channel_is_away(
    stage: &Stage,
    away: impl FnOnce(&Sim),
    back: impl FnOnce(&Sim),
    why: &str,
) {
    away(&stage.sim);
    let running = stage.run();
    let cards = [
        card(Place::Approval, "C0DBA"),
        card(Place::Asked, "U0ALICE"),
    ];
    stage.commit(asked("one", 0, &cards)).await;
    stage
        .in_time(|sim| {
            tells(
                sim,
                "U0ALICE",
                &format!("Approvers can't see this request: {why}"),
            )
        })
        .await;
    stage
        .in_time(|sim| says(sim, "C0AUDIT", "*Alert* `channel_unavailable:C0DBA`"))
        .await;
    assert!(raised(stage, "channel_unavailable:C0DBA"));

    // For as long as it takes, and without asking Slack all the time.
    let before = stage.sim.arrivals("chat.postMessage");
    for _ in 0..240 {
        stage.clock.advance(Duration::from_secs(30));
        stage.settled_for_now().await;
    }
    let tries = stage.sim.arrivals("chat.postMessage") - before;
    assert!((2..=60).contains(&tries), "{tries} tries in two hours");
    assert!(says(&stage.sim, "C0DBA", "asks for").is_none());

    back(&stage.sim);
    stage.in_time(|sim| says(sim, "C0DBA", "asks for")).await;
    stage
        .in_time(|sim| tells(sim, "U0ALICE", "can't see").is_none().then_some(()))
        .await;
    stage
        .in_time(|sim| says(sim, "C0AUDIT", "*Cleared* `channel_unavailable:C0DBA`"))
        .await;
    assert!(!raised(stage, "channel_unavailable:C0DBA"));
    assert_eq!(stage.sim.messages("C0DBA").len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_approval_channel_is_archived_is_posted_when_it_is_back() {
    let stage = Stage::set().await;
    while_the_channel_is_away(
        &stage,
        |sim| sim.archive("C0DBA"),
        |sim| sim.update_channel("C0DBA", |channel| channel.is_archived = false),
        "<#C0DBA> is archived",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_posted_when_keylend_is_invited_again() {
    let stage = Stage::set().await;
    while_the_channel_is_away(
        &stage,
        |sim| sim.update_channel("C0DBA", |channel| channel.bot_is_member = false),
        |sim| sim.update_channel("C0DBA", |channel| channel.bot_is_member = true),
        "Keylend is not a member of <#C0DBA>",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_channel_that_keylend_was_removed_from_is_not_given_up() {
    let stage = Stage::set().await;
    let hidden = |member: bool| {
        move |sim: &Sim| {
            sim.update_channel("C0DBA", |channel| {
                (channel.is_private, channel.bot_is_member) = (true, member);
            });
        }
    };
    let why = "Slack does not let Keylend see <#C0DBA>";
    while_the_channel_is_away(&stage, hidden(false), hidden(true), why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_only_some_may_write_to_is_not_given_up() {
    for code in [
        "restricted_action_read_only_channel",
        "restricted_action",
        "team_access_not_granted",
        "ekm_access_denied",
    ] {
        let stage = Stage::set().await;
        stage
            .sim
            .fault("chat.postMessage", Fault::error(code), usize::MAX);
        let running = stage.run();
        let change = asked("one", 0, &[card(Place::Approval, "C0DBA")]);
        stage.commit(change).await;
        stage
            .in_time(|_| raised(&stage, "channel_unavailable:C0DBA").then_some(()))
            .await;
        stage.sim.heal();
        stage.in_time(|sim| says(sim, "C0DBA", "asks for")).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_channel_gets_every_line_in_order_when_it_is_back() {
    let stage = Stage::set().await;
    stage.sim.archive("C0AUDIT");
    let running = stage.run();
    let cards = [card(Place::Audit, "C0AUDIT"), card(Place::Asked, "U0ALICE")];
    let change = with_cards(asked("one", 0, &[]), &cards);
    let request = stage.commit(change).await;
    let request = stage.commit(approved(&request, &LAYER, at(10))).await;
    // Nobody else waits for it.
    stage
        .in_time(|sim| tells(sim, "U0ALICE", "Approved by"))
        .await;
    // Whoever can do something about it hears of it elsewhere.
    stage
        .in_time(|sim| says(sim, "C0DBA", "*Alert* `channel_unavailable:C0AUDIT`"))
        .await;
    let request = stage.commit(inspected(&request, 0, true, at(1_000))).await;
    stage.commit(made(&request, 0, at(1_001))).await;

    stage
        .sim
        .update_channel("C0AUDIT", |channel| channel.is_archived = false);
    stage.in_time(|sim| says(sim, "C0AUDIT", "*active*")).await;
    stage
        .in_time(|sim| says(sim, "C0AUDIT", "the access is there"))
        .await;
    let all = stage.sim.messages("C0AUDIT");
    let text: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    let text = text.join("\n");
    let lines = [
        "asked for `db-prod:write`",
        "*approved* by <@U0BOB>",
        "`pg-prod` gives access",
        "the access is there",
    ];
    let places: Vec<_> = lines.iter().map(|line| text.find(line)).collect();
    assert!(places.iter().all(Option::is_some), "{text}");
    assert!(places.is_sorted(), "{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_incident_channel_holds_up_no_other() {
    let stage = Stage::set().await;
    stage.sim.archive("C0INC42");
    let running = stage.run();
    let mirrored = with_cards(asked("one", 0, &[]), &[card(Place::Mirror, "C0INC42")]);
    let request = stage.commit(mirrored).await;
    stage
        .in_time(|_| raised(&stage, "channel_unavailable:C0INC42").then_some(()))
        .await;
    // The request is over, and so may be the incident: nothing is left to look at.
    stage.commit(withdrawn(&request, at(10))).await;
    stage
        .in_time(|_| (!raised(&stage, "channel_unavailable:C0INC42")).then_some(()))
        .await;
    let head = *stage.store.head().borrow();
    while stage.store.cursor("mirror").await.unwrap() < head {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_channel_is_told_what_it_missed_and_once() {
    let stage = Stage::set().await;
    let running = stage.run();
    let ask = asked_in_incident("one", "C0INC42", &[card(Place::Mirror, "C0INC42")]);
    let request = stage.commit(ask).await;
    stage.in_time(|sim| says(sim, "C0INC42", "asked for")).await;

    let member = |is: bool| move |channel: &mut slack_sim::Channel| channel.bot_is_member = is;
    stage.sim.update_channel("C0INC42", member(false));
    let request = stage.commit(approved(&request, &LAYER, at(10))).await;
    let request = stage.commit(inspected(&request, 0, true, at(11))).await;
    let caught_up = async || {
        let seq = *stage.store.head().borrow();
        while stage.store.cursor("mirror").await.unwrap() < seq {
            let soon = Duration::from_millis(10);
            drop(stage.sim.try_wait_for(soon, |_| None::<()>).await);
        }
    };
    caught_up().await;
    // What was missed is known to the replica that goes on.
    running.stop().await;
    let running = stage.run();
    let request = stage.commit(made(&request, 0, at(12))).await;
    caught_up().await;
    stage.sim.update_channel("C0INC42", member(true));
    stage
        .in_time(|sim| says(sim, "C0INC42", "the access is there"))
        .await;
    stage.commit(done(&request, at(1_500))).await;
    stage.in_time(|sim| says(sim, "C0INC42", "*ending*")).await;
    let all = stage.sim.messages("C0INC42");
    let text: Vec<&str> = all[1..].iter().map(|one| one.text.as_str()).collect();
    let text = text.join("\n");
    let lines = [
        "asked for `db-prod:write`",
        "*approved* by <@U0BOB>",
        "`pg-prod` gives access",
        "the access is there",
        "*ending*",
    ];
    let places: Vec<_> = lines.iter().map(|line| text.find(line)).collect();
    assert!(places.iter().all(Option::is_some), "{text}");
    assert!(places.is_sorted(), "{text}");
    assert_eq!(text.lines().count(), lines.len(), "each once: {text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_slack_refuses_is_an_alert_until_it_is_taken() {
    let stage = Stage::set().await;
    let refused = Fault::error("token_revoked");
    stage.sim.fault("chat.postMessage", refused, usize::MAX);
    let running = stage.run();
    let change = asked("one", 0, &[card(Place::Approval, "C0DBA")]);
    stage.commit(change).await;
    stage
        .in_time(|_| raised(&stage, "slack_refuses:token_revoked").then_some(()))
        .await;
    stage.sim.heal();
    stage.in_time(|sim| says(sim, "C0DBA", "asks for")).await;
    stage
        .in_time(|_| stage.alerts.raised().is_empty().then_some(()))
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_can_never_be_sent_raises_an_alert_for_an_hour() {
    let stage = Stage::set().await;
    let refused = Fault::error("invalid_blocks");
    stage.sim.fault("chat.postMessage", refused, 1);
    let running = stage.run();
    let change = asked("one", 0, &[card(Place::Approval, "C0DBA")]);
    stage.commit(change).await;
    stage
        .in_time(|sim| says(sim, "C0AUDIT", "*Alert* `message_dropped:"))
        .await;
    stage.clock.advance(Duration::from_secs(3_500));
    stage
        .in_time(|sim| says(sim, "C0AUDIT", "*Cleared* `message_dropped:"))
        .await;
    assert!(stage.alerts.raised().is_empty());
    running.stop().await;
}
