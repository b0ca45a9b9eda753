//! The App Home: what waits for somebody, what they hold and until when, what is past. Whoever has
//! opened theirs sees what is, whatever happened meanwhile.

use keylend::domain::Time;
use slack_sim::{Fault, Kind, View};

use crate::support::stage::{
    ALICE, BOB, CAROL, DAVE, GENERAL, GUEST, REQUEST, SCOPE, SECURITY, STRANGER, Stage,
};

/// Opens somebody's Home; the answer is what is published then.
async fn opened(stage: &Stage, person: &str) -> View {
    let before = published(stage, person);
    stage.person(person).open_home().await;
    shown(stage, person, |_| published(stage, person) > before).await
}

/// Waits until somebody's Home is as `wanted`.
async fn shown(stage: &Stage, person: &str, wanted: impl Fn(&View) -> bool) -> View {
    stage
        .in_time(|sim| sim.home(person).filter(|home| wanted(home)))
        .await
}

fn has(home: &View, action: &str) -> bool {
    home.action_ids().iter().any(|id| id == action)
}

fn published(stage: &Stage, person: &str) -> usize {
    let calls = stage.sim.calls_of("views.publish");
    let theirs = calls
        .iter()
        .filter(|call| call.ok && call.args["user_id"] == person);
    theirs.count()
}

#[tokio::test]
async fn who_has_nothing_reads_what_to_do() {
    let stage = Stage::start().await;
    let home = opened(&stage, ALICE).await;
    for words in ["Nothing waits", "You hold nothing", "/jit request"] {
        assert!(home.says(words), "{words}: {}", home.all_text());
    }
    assert_eq!(home.action_ids(), ["request"]);
    assert!(!home.says("Past"));
}

#[tokio::test]
async fn an_approver_decides_where_they_see_it_and_the_requester_sees_what_came_of_it() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    opened(&stage, ALICE).await;
    stage.jit(ALICE, REQUEST).await;
    let asks = shown(&stage, BOB, |home| has(home, "approve")).await;
    for words in [
        "<@U0ALICE> asks for",
        SCOPE,
        "30m",
        "INC-4211",
        "writes are failing",
        "high",
    ] {
        assert!(asks.says(words), "{words}: {}", asks.all_text());
    }
    let waits = shown(&stage, ALICE, |home| has(home, "withdraw")).await;
    assert!(waits.says("It waits for an approval in <#C0DBA>"));

    stage.bob().press_home("approve").await;
    let holds = shown(&stage, ALICE, |home| has(home, "done")).await;
    let held = stage.check(ALICE, SCOPE).await;
    let end = held["context"]["expires_at"].as_str().unwrap();
    let end = end.parse::<Time>().unwrap().timestamp();
    assert!(
        holds.says(&format!("until <!date^{end}^")),
        "{}",
        holds.all_text()
    );
    assert!(has(&holds, "extend") && !has(&holds, "withdraw"));
    let asked = shown(&stage, BOB, |home| !has(home, "approve")).await;
    assert!(asked.says("Nothing waits"));

    stage.advance_minutes(30);
    let past = shown(&stage, ALICE, |home| home.says("*ended*")).await;
    assert!(past.says("You hold nothing") && past.says("its time is over"));
    assert_eq!(past.action_ids(), ["request"]);
}

#[tokio::test]
async fn nobody_is_asked_about_their_own_request_or_about_what_they_may_not_decide() {
    let stage = Stage::start().await;
    for person in [BOB, DAVE, SECURITY, CAROL] {
        opened(&stage, person).await;
    }
    // Bob is an approver who may ask, too.
    stage.jit(BOB, REQUEST).await;
    shown(&stage, CAROL, |home| has(home, "approve")).await;
    let own = shown(&stage, BOB, |home| has(home, "withdraw")).await;
    assert!(!has(&own, "approve"));
    for person in [DAVE, SECURITY] {
        assert_eq!(opened(&stage, person).await.action_ids(), ["request"]);
    }
    stage.carol().press_home("approve").await;
    shown(&stage, BOB, |home| has(home, "done")).await;
}

#[tokio::test]
async fn guests_and_strangers_read_one_sentence() {
    let stage = Stage::start().await;
    stage.asked(REQUEST).await;
    for person in [GUEST, STRANGER] {
        let home = opened(&stage, person).await;
        assert!(home.says("full members of this workspace"));
        assert_eq!(home.blocks().as_array().unwrap().len(), 1);
        assert!(home.action_ids().is_empty());
    }
    stage
        .sim
        .update_person(GUEST, |gil| gil.kind = Kind::Member);
    stage.sim.send_user_change(GUEST).await;
    shown(&stage, GUEST, |home| has(home, "request")).await;
}

#[tokio::test]
async fn without_facts_nothing_is_shown_and_then_what_there_is() {
    let stage = Stage::start().await;
    stage.asked(REQUEST).await;
    stage
        .sim
        .fault("users.info", Fault::Status(500), usize::MAX);
    stage.clock.advance(std::time::Duration::from_secs(61));
    let home = opened(&stage, BOB).await;
    assert!(home.says("could not be asked who you are"));
    assert!(home.action_ids().is_empty() && !home.says(SCOPE));
    stage.sim.heal();
    let home = shown(&stage, BOB, |home| has(home, "approve")).await;
    assert!(!home.says("could not be asked"));
}

#[tokio::test]
async fn without_groups_what_waits_is_not_shown_and_what_is_held_is() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(DAVE, "request db-prod:read 10m").await;
    stage.open_card().await;
    stage.clock.advance(std::time::Duration::from_secs(601));
    stage
        .sim
        .fault("usergroups.users.list", Fault::Status(500), usize::MAX);
    let home = opened(&stage, ALICE).await;
    assert!(
        home.says("may be missing") && has(&home, "done"),
        "{}",
        home.all_text()
    );
    let home = opened(&stage, BOB).await;
    assert!(home.says("may be missing") && !has(&home, "approve"));
    stage.sim.heal();
    shown(&stage, BOB, |home| has(home, "approve")).await;
}

#[tokio::test]
async fn what_came_of_it_is_shown_after_a_crash() {
    let mut stage = Stage::start().await;
    opened(&stage, ALICE).await;
    opened(&stage, BOB).await;
    stage.granted(REQUEST).await;
    shown(&stage, ALICE, |home| has(home, "done")).await;
    stage.jit(DAVE, "request db-prod:read 10m").await;
    stage.open_card().await;
    stage.crash().await;
    stage.advance_minutes(30);
    stage.boot().await;
    let past = shown(&stage, ALICE, |home| home.says("*ended*")).await;
    assert!(!has(&past, "done"));
    let asked = shown(&stage, BOB, |home| has(home, "approve")).await;
    assert!(asked.says("<@U0DAVE>"));
}

#[tokio::test]
async fn a_slack_that_fails_or_limits_shows_the_truth_in_the_end() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    let limited = Fault::RateLimited {
        retry_after_secs: 30,
    };
    stage.sim.fault("views.publish", limited, 1);
    stage.sim.fault("views.publish", Fault::Status(500), 2);
    let asked_at = stage.now();
    stage.asked(REQUEST).await;
    shown(&stage, BOB, |home| has(home, "approve")).await;
    let calls = stage.sim.calls_of("views.publish");
    let last = calls.last().unwrap();
    assert!(
        last.at >= asked_at + chrono::TimeDelta::seconds(30),
        "{last:?}"
    );
}

#[tokio::test]
async fn a_burst_of_changes_is_shown_by_few_publications() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    let before = published(&stage, BOB);
    stage.sim.fault("views.publish", Fault::Hang, 1);
    for _ in 0..8 {
        stage.jit(ALICE, "request db-prod:read 10m").await;
    }
    stage
        .in_time(|sim| (sim.messages("C0DBA").len() == 8).then_some(()))
        .await;
    stage.sim.heal();
    shown(&stage, BOB, |home| {
        home.action_ids()
            .iter()
            .filter(|id| *id == "approve")
            .count()
            == 8
    })
    .await;
    assert!(published(&stage, BOB) - before <= 3);
}

#[tokio::test]
async fn what_one_approver_decided_the_others_are_not_asked_any_more() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    opened(&stage, CAROL).await;
    stage.jit(ALICE, REQUEST).await;
    let old = shown(&stage, CAROL, |home| has(home, "approve")).await;
    shown(&stage, BOB, |home| has(home, "approve")).await;
    stage.bob().press_home("deny").await;
    stage.in_time(|_| stage.bob().modal()).await;
    stage.bob().fill("reason", "reason", "use the replica");
    stage.bob().submit().await;
    shown(&stage, CAROL, |home| !has(home, "approve")).await;
    assert!(stage.sim.home(ALICE).is_none(), "Alice has not opened hers");
    stage.carol().press_in(&old, "approve", None).await;
    stage.told(CAROL, "It is denied already").await;
    assert_eq!(stage.console.orders("grant"), 0);
}

#[tokio::test]
async fn a_click_in_an_old_home_is_refused_and_mends_it() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    stage.granted(REQUEST).await;
    stage.jit(ALICE, "extend db-prod:write 10m").await;
    let first = shown(&stage, BOB, |home| has(home, "approve")).await;
    assert!(first.says("*10m* more"));
    stage.bob().press_in(&first, "deny", None).await;
    stage.in_time(|_| stage.bob().modal()).await;
    stage.bob().fill("reason", "reason", "say why");
    stage.bob().submit().await;
    shown(&stage, BOB, |home| !has(home, "approve")).await;
    stage.jit(ALICE, "extend db-prod:write 20m").await;
    let second = shown(&stage, BOB, |home| has(home, "approve")).await;
    assert!(second.says("*20m* more"));

    let before = published(&stage, BOB);
    stage.bob().press_in(&first, "approve", None).await;
    stage.told(BOB, "The request has changed").await;
    stage
        .in_time(|_| (published(&stage, BOB) > before).then_some(()))
        .await;
    assert!(!stage.kinds().await.contains(&"extended".to_owned()));
    stage.bob().press_home("approve").await;
    shown(&stage, BOB, |home| !has(home, "approve")).await;
    assert!(stage.kinds().await.contains(&"extended".to_owned()));
}

#[tokio::test]
async fn the_second_of_two_approvers_is_asked_until_both_have_said_yes() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    opened(&stage, CAROL).await;
    stage
        .jit(ALICE, "request db-prod:admin 15m the schema has to change")
        .await;
    shown(&stage, BOB, |home| has(home, "approve")).await;
    stage.bob().press_home("approve").await;
    shown(&stage, BOB, |home| !has(home, "approve")).await;
    let asks = shown(&stage, CAROL, |home| home.says("1 of 2")).await;
    assert!(has(&asks, "approve"));
    stage.carol().press_home("approve").await;
    shown(&stage, CAROL, |home| !has(home, "approve")).await;
    assert_eq!(
        stage
            .kinds()
            .await
            .iter()
            .filter(|kind| *kind == "approved")
            .count(),
        1
    );
}

#[tokio::test]
async fn the_form_opens_from_the_home_and_what_is_held_is_ended_there() {
    let stage = Stage::start().await;
    opened(&stage, ALICE).await;
    stage.alice().press_home("request").await;
    let form = stage.in_time(|_| stage.alice().modal()).await;
    assert_eq!(form.callback_id(), "request");

    stage.granted(REQUEST).await;
    shown(&stage, ALICE, |home| has(home, "extend")).await;
    stage.alice().press_home("extend").await;
    stage.told(ALICE, "You asked for 30m more").await;
    let waits = shown(&stage, ALICE, |home| !has(home, "extend")).await;
    assert!(waits.says("You asked for *30m* more"));
    stage.alice().press_home("done").await;
    shown(&stage, ALICE, |home| home.says("is done")).await;
    assert!(!stage.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn who_joins_or_leaves_the_approvers_sees_it_at_once() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    opened(&stage, DAVE).await;
    stage.jit(ALICE, REQUEST).await;
    shown(&stage, BOB, |home| has(home, "approve")).await;
    stage.sim.set_group("S0DBA", [DAVE, CAROL]);
    stage.sim.send_group_change("S0DBA", &[DAVE], &[BOB]).await;
    shown(&stage, BOB, |home| !has(home, "approve")).await;
    shown(&stage, DAVE, |home| has(home, "approve")).await;
}

#[tokio::test]
async fn nobody_is_asked_what_a_lock_or_the_cap_stands_against() {
    let stage = Stage::start().await;
    opened(&stage, BOB).await;
    stage.jit(ALICE, "request db-prod:read 10m").await;
    shown(&stage, BOB, |home| has(home, "approve")).await;
    stage.jit(SECURITY, "lock db-prod:read incident").await;
    shown(&stage, BOB, |home| !has(home, "approve")).await;
    stage.jit(SECURITY, "unlock db-prod:read").await;
    shown(&stage, BOB, |home| has(home, "approve")).await;

    // The lab and production exclude each other: with the one held, the other cannot be given.
    stage.jit(ALICE, "request lab:use 10m").await;
    let both = shown(&stage, BOB, |home| {
        home.says("db-prod:read") && home.says("lab:use")
    })
    .await;
    let lab = both.blocks().as_array().unwrap().iter().position(|block| {
        block["text"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("lab:use"))
    });
    let value = both.blocks().as_array().unwrap()[lab.unwrap()..]
        .iter()
        .find_map(|block| block["elements"][0]["value"].as_str())
        .unwrap()
        .to_owned();
    stage.bob().press_in(&both, "approve", Some(&value)).await;
    let none = shown(&stage, BOB, |home| !has(home, "approve")).await;
    assert!(none.says("Nothing waits"));
    stage.jit(ALICE, "done lab:use").await;
    let again = shown(&stage, BOB, |home| has(home, "approve")).await;
    assert!(again.says("db-prod:read"));
}

#[tokio::test]
async fn only_the_home_tab_counts_as_opened() {
    let stage = Stage::start().await;
    let event = serde_json::json!({"type": "app_home_opened", "user": BOB, "tab": "messages"});
    assert_eq!(stage.sim.event(event).await.status, 200);
    opened(&stage, ALICE).await;
    assert!(stage.sim.home(BOB).is_none());
    assert!(stage.person(BOB).sees(GENERAL).is_empty());
}
