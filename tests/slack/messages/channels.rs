//! Channels in trouble: nothing is lost, everybody concerned hears of it, and all of it is caught
//! up when the channel is back.

use std::time::Duration;

use keylend::{
    clock::Clock as _,
    store::{Documents as _, Store as _},
};
use slack_sim::{Fault, Sim};

use super::{
    fixture::{Fixture, asked, asked_in_incident},
    story::{approved, at, done, inspected, made, withdrawn},
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

fn raised(fixture: &Fixture, name: &str) -> bool {
    fixture.alerts.raised().contains_key(name)
}

/// Alice asks, and the approval channel takes no messages until `back`; answers what she is told
/// of it.
async fn while_the_channel_is_away(
    fixture: &Fixture,
    away: impl FnOnce(&Sim),
    back: impl FnOnce(&Sim),
    why: &str,
) {
    away(&fixture.sim);
    let running = fixture.run();
    fixture.commit(asked("one", 0)).await;
    fixture
        .in_time(|sim| {
            tells(
                sim,
                "U0ALICE",
                &format!("Approvers can't see this request: {why}"),
            )
        })
        .await;
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "*Alert* `channel_unavailable:C0DBA`"))
        .await;
    assert!(raised(fixture, "channel_unavailable:C0DBA"));

    // For as long as it takes, and without asking Slack all the time.
    let before = fixture.sim.arrivals("chat.postMessage");
    for _ in 0..240 {
        fixture.clock.advance(Duration::from_secs(30));
        fixture.settled_for_now().await;
    }
    let tries = fixture.sim.arrivals("chat.postMessage") - before;
    assert!(tries <= 60, "{tries} tries in two hours");
    assert!(says(&fixture.sim, "C0DBA", "requests").is_none());

    back(&fixture.sim);
    fixture.in_time(|sim| says(sim, "C0DBA", "requests")).await;
    fixture
        .in_time(|sim| tells(sim, "U0ALICE", "can't see").is_none().then_some(()))
        .await;
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "*Cleared* `channel_unavailable:C0DBA`"))
        .await;
    assert!(!raised(fixture, "channel_unavailable:C0DBA"));
    assert_eq!(fixture.sim.messages("C0DBA").len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_approval_channel_is_archived_is_posted_when_it_is_back() {
    let fixture = Fixture::set().await;
    while_the_channel_is_away(
        &fixture,
        |sim| sim.archive("C0DBA"),
        |sim| sim.update_channel("C0DBA", |channel| channel.is_archived = false),
        "<#C0DBA> is archived",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_posted_when_keylend_is_invited_again() {
    let fixture = Fixture::set().await;
    while_the_channel_is_away(
        &fixture,
        |sim| sim.update_channel("C0DBA", |channel| channel.bot_is_member = false),
        |sim| sim.update_channel("C0DBA", |channel| channel.bot_is_member = true),
        "Keylend is not a member of <#C0DBA>",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_channel_that_keylend_was_removed_from_is_not_given_up() {
    let fixture = Fixture::set().await;
    let hidden = |member: bool| {
        move |sim: &Sim| {
            sim.update_channel("C0DBA", |channel| {
                (channel.is_private, channel.bot_is_member) = (true, member);
            });
        }
    };
    let why = "Slack does not let Keylend see <#C0DBA>";
    while_the_channel_is_away(&fixture, hidden(false), hidden(true), why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_only_some_may_write_to_is_not_given_up() {
    for code in [
        "restricted_action_read_only_channel",
        "restricted_action",
        "team_access_not_granted",
        "ekm_access_denied",
    ] {
        let fixture = Fixture::set().await;
        fixture
            .sim
            .fault("chat.postMessage", Fault::error(code), usize::MAX);
        let running = fixture.run();
        let change = asked("one", 0);
        fixture.commit(change).await;
        fixture
            .in_time(|_| raised(&fixture, "channel_unavailable:C0DBA").then_some(()))
            .await;
        fixture.sim.heal();
        fixture.in_time(|sim| says(sim, "C0DBA", "requests")).await;
        running.stop().await;
    }
}

fn share(sim: &Sim, channel: &str, is_shared: bool) {
    sim.update_channel(channel, |channel| channel.is_ext_shared = is_shared);
}

/// Lets ten minutes pass.
async fn later(fixture: &Fixture) {
    for _ in 0..60 {
        fixture.clock.advance(Duration::from_secs(10));
        fixture.settled_for_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_approval_channel_is_shared_is_posted_when_it_is_not_any_more() {
    let fixture = Fixture::set().await;
    share(&fixture.sim, "C0DBA", true);
    let running = fixture.run();
    fixture.commit(asked("one", 0)).await;
    let words = "Approvers can't see this request: <#C0DBA> is shared with another company";
    fixture.in_time(|sim| tells(sim, "U0ALICE", words)).await;
    fixture
        .in_time(|sim| {
            let alert = "*Alert* `channel_unavailable:C0DBA`: Keylend can't post in #dba-approvals \
                         (C0DBA): it is shared with another company. Stop sharing it";
            says(sim, "C0AUDIT", alert)
        })
        .await;
    later(&fixture).await;
    assert!(fixture.sim.messages("C0DBA").is_empty());

    share(&fixture.sim, "C0DBA", false);
    fixture.in_time(|sim| says(sim, "C0DBA", "requests")).await;
    fixture
        .in_time(|sim| tells(sim, "U0ALICE", "can't see").is_none().then_some(()))
        .await;
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "*Cleared* `channel_unavailable:C0DBA`"))
        .await;
    assert_eq!(fixture.sim.messages("C0DBA").len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_channel_is_an_alert_at_the_start_though_nothing_is_to_be_posted() {
    let fixture = Fixture::set().await;
    share(&fixture.sim, "C0AUDIT", true);
    let running = fixture.run();
    fixture
        .in_time(|sim| says(sim, "C0DBA", "*Alert* `channel_unavailable:C0AUDIT`"))
        .await;
    running.stop().await;
    assert!(fixture.sim.messages("C0AUDIT").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_another_company_reads_of_a_request_where_every_channel_is_shared() {
    let fixture = Fixture::set().await;
    let channels = ["C0AUDIT", "C0DBA", "C0INC42"];
    for channel in channels {
        share(&fixture.sim, channel, true);
    }
    let running = fixture.run();
    let request = fixture.commit(asked_in_incident("one", "C0INC42")).await;
    fixture.commit(approved(&request, &LAYER, at(10))).await;
    for channel in channels {
        let alert = format!("channel_unavailable:{channel}");
        fixture
            .in_time(|_| raised(&fixture, &alert).then_some(()))
            .await;
    }
    later(&fixture).await;
    for channel in channels {
        assert!(fixture.sim.messages(channel).is_empty(), "{channel}");
    }
    running.stop().await;
}

/// Slack's event is lost: the messenger of these tests hears of none.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_not_updated_after_its_channel_was_shared() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    fixture.in_time(|sim| says(sim, "C0DBA", "requests")).await;
    share(&fixture.sim, "C0DBA", true);
    fixture
        .in_time(|_| raised(&fixture, "channel_unavailable:C0DBA").then_some(()))
        .await;
    let shown = fixture.sim.messages("C0DBA");
    fixture
        .commit(approved(&request, &LAYER, fixture.clock.now()))
        .await;
    fixture
        .in_time(|sim| tells(sim, "U0ALICE", "Approved by"))
        .await;
    later(&fixture).await;
    let still = fixture.sim.messages("C0DBA");
    assert_eq!(still[0].all_text(), shown[0].all_text());
    assert_eq!(still.len(), 1);

    share(&fixture.sim, "C0DBA", false);
    fixture
        .in_time(|sim| says(sim, "C0DBA", "Approved by"))
        .await;
    assert!(!raised(&fixture, "channel_unavailable:C0DBA"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_posted_where_slack_does_not_say_whether_the_channel_is_shared() {
    let fixture = Fixture::set().await;
    let unsaid = Fault::error("fatal_error");
    fixture.sim.fault("conversations.info", unsaid, usize::MAX);
    let running = fixture.run();
    fixture.commit(asked("one", 0)).await;
    later(&fixture).await;
    assert!(fixture.sim.messages("C0DBA").is_empty());
    assert!(fixture.sim.messages("C0AUDIT").is_empty());
    fixture.sim.heal();
    fixture.in_time(|sim| says(sim, "C0DBA", "requests")).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_channel_gets_every_line_in_order_when_it_is_back() {
    let fixture = Fixture::set().await;
    fixture.sim.archive("C0AUDIT");
    let running = fixture.run();
    let request = fixture.commit(asked("one", 0)).await;
    let request = fixture.commit(approved(&request, &LAYER, at(10))).await;
    // Nobody else waits for it.
    fixture
        .in_time(|sim| tells(sim, "U0ALICE", "Approved by"))
        .await;
    // Whoever can do something about it hears of it elsewhere.
    fixture
        .in_time(|sim| says(sim, "C0DBA", "*Alert* `channel_unavailable:C0AUDIT`"))
        .await;
    let request = fixture
        .commit(inspected(&request, 0, true, at(1_000)))
        .await;
    fixture.commit(made(&request, 0, at(1_001))).await;

    fixture
        .sim
        .update_channel("C0AUDIT", |channel| channel.is_archived = false);
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "*active*"))
        .await;
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "access granted"))
        .await;
    let all = fixture.sim.messages("C0AUDIT");
    let text: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    let text = text.join("\n");
    let lines = [
        "requested `db-prod:write`",
        "*approved* by <@U0BOB>",
        "`pg-prod` granted access",
        "access granted",
    ];
    let places: Vec<_> = lines.iter().map(|line| text.find(line)).collect();
    assert!(places.iter().all(Option::is_some), "{text}");
    assert!(places.is_sorted(), "{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_incident_channel_holds_up_no_other() {
    let fixture = Fixture::set().await;
    fixture.sim.archive("C0INC42");
    let running = fixture.run();
    let request = fixture.commit(asked_in_incident("one", "C0INC42")).await;
    fixture
        .in_time(|_| raised(&fixture, "channel_unavailable:C0INC42").then_some(()))
        .await;
    // The request is over, and so may be the incident: nothing is left to look at.
    fixture.commit(withdrawn(&request, at(10))).await;
    fixture
        .in_time(|_| (!raised(&fixture, "channel_unavailable:C0INC42")).then_some(()))
        .await;
    let head = *fixture.store.head().borrow();
    while fixture.store.cursor("mirror").await.unwrap() < head {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_channel_is_told_what_it_missed_and_once() {
    let fixture = Fixture::set().await;
    let running = fixture.run();
    let ask = asked_in_incident("one", "C0INC42");
    let request = fixture.commit(ask).await;
    fixture
        .in_time(|sim| says(sim, "C0INC42", "requested"))
        .await;

    let member = |is: bool| move |channel: &mut slack_sim::Channel| channel.bot_is_member = is;
    fixture.sim.update_channel("C0INC42", member(false));
    let request = fixture.commit(approved(&request, &LAYER, at(10))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(11))).await;
    let caught_up = async || {
        let seq = *fixture.store.head().borrow();
        while fixture.store.cursor("mirror").await.unwrap() < seq {
            let soon = Duration::from_millis(10);
            drop(fixture.sim.try_wait_for(soon, |_| None::<()>).await);
        }
    };
    caught_up().await;
    // What was missed is known to the replica that goes on.
    running.stop().await;
    let running = fixture.run();
    let request = fixture.commit(made(&request, 0, at(12))).await;
    caught_up().await;
    fixture.sim.update_channel("C0INC42", member(true));
    fixture
        .in_time(|sim| says(sim, "C0INC42", "access granted"))
        .await;
    fixture.commit(done(&request, at(1_500))).await;
    fixture
        .in_time(|sim| says(sim, "C0INC42", "*ending*: "))
        .await;
    let all = fixture.sim.messages("C0INC42");
    let text: Vec<&str> = all[1..].iter().map(|one| one.text.as_str()).collect();
    let text = text.join("\n");
    let lines = [
        "requested `db-prod:write`",
        "*approved* by <@U0BOB>",
        "`pg-prod` granted access",
        "access granted",
        "*ending*: ",
    ];
    let places: Vec<_> = lines.iter().map(|line| text.find(line)).collect();
    assert!(places.iter().all(Option::is_some), "{text}");
    assert!(places.is_sorted(), "{text}");
    assert_eq!(text.lines().count(), lines.len(), "each once: {text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_slack_refuses_is_an_alert_until_it_is_taken() {
    let fixture = Fixture::set().await;
    let refused = Fault::error("token_revoked");
    fixture.sim.fault("chat.postMessage", refused, usize::MAX);
    let running = fixture.run();
    let change = asked("one", 0);
    fixture.commit(change).await;
    fixture
        .in_time(|_| raised(&fixture, "slack_refuses:token_revoked").then_some(()))
        .await;
    fixture.sim.heal();
    fixture.in_time(|sim| says(sim, "C0DBA", "requests")).await;
    fixture
        .in_time(|_| fixture.alerts.raised().is_empty().then_some(()))
        .await;
    running.stop().await;
}

/// What is raised by this name; waits until there is something, and then until there is nothing.
async fn raised_until_healed(fixture: &Fixture, name: &str) -> String {
    let running = fixture.run();
    let text = fixture
        .in_time(|_| fixture.alerts.raised().remove(name))
        .await;
    fixture.sim.heal();
    fixture
        .in_time(|_| (!raised(fixture, name)).then_some(()))
        .await;
    running.stop().await;
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_slack_refuses_is_an_alert_though_nothing_is_to_be_posted() {
    for code in ["token_revoked", "invalid_auth", "account_inactive"] {
        let fixture = Fixture::set().await;
        let refused = Fault::error(code);
        fixture.sim.fault("conversations.info", refused, usize::MAX);
        let text = raised_until_healed(&fixture, &format!("slack_refuses:{code}")).await;
        let words = format!("Slack no longer accepts the bot token ({code}).");
        assert!(text.contains(&words), "{text}");
        assert!(text.contains("where slack.bot_token points"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_that_does_not_answer_is_an_alert_until_it_does() {
    let fixture = Fixture::set().await;
    let away = Fault::Status(503);
    fixture.sim.fault("conversations.info", away, usize::MAX);
    let text = raised_until_healed(&fixture, "slack_unavailable").await;
    assert!(text.contains("Slack doesn't answer"), "{text}");
    assert!(text.contains("HTTP status 503"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_that_is_lost_is_no_outage() {
    let fixture = Fixture::set().await;
    fixture.sim.fault("conversations.info", Fault::Drop, 2);
    let running = fixture.run();
    later(&fixture).await;
    assert!(!raised(&fixture, "slack_unavailable"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_can_never_be_sent_raises_an_alert_for_an_hour() {
    let fixture = Fixture::set().await;
    let refused = Fault::error("invalid_blocks");
    fixture.sim.fault("chat.postMessage", refused, 1);
    let running = fixture.run();
    let change = asked("one", 0);
    fixture.commit(change).await;
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "*Alert* `message_dropped:"))
        .await;
    fixture.clock.advance(Duration::from_secs(3_500));
    fixture
        .in_time(|sim| says(sim, "C0AUDIT", "*Cleared* `message_dropped:"))
        .await;
    assert!(fixture.alerts.raised().is_empty());
    running.stop().await;
}
