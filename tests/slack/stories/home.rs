//! The App Home: what waits for somebody, what they hold and until when, what is past. Whoever has
//! opened theirs sees what is, whatever happened meanwhile.

use keylend::domain::Time;
use slack_sim::{Fault, Kind, Submission, View};

use crate::support::fixture::{
    ALICE, BOB, CAROL, DAVE, Fixture, GENERAL, GUEST, REQUEST, SCOPE, SECURITY, STRANGER,
};

/// Opens somebody's Home; the answer is what is published then.
async fn opened(fixture: &Fixture, person: &str) -> View {
    let before = published(fixture, person);
    fixture.person(person).open_home().await;
    shown(fixture, person, |_| published(fixture, person) > before).await
}

/// Waits until somebody's Home is as `wanted`.
async fn shown(fixture: &Fixture, person: &str, wanted: impl Fn(&View) -> bool) -> View {
    fixture
        .in_time(|sim| sim.home(person).filter(|home| wanted(home)))
        .await
}

fn has(home: &View, action: &str) -> bool {
    home.action_ids().iter().any(|id| id == action)
}

fn published(fixture: &Fixture, person: &str) -> usize {
    let calls = fixture.sim.calls_of("views.publish");
    let theirs = calls
        .iter()
        .filter(|call| call.ok && call.args["user_id"] == person);
    theirs.count()
}

#[tokio::test]
async fn who_has_nothing_reads_what_to_do() {
    let fixture = Fixture::start().await;
    let home = opened(&fixture, ALICE).await;
    for words in [
        "No request needs",
        "You have no active access",
        "/jit request",
    ] {
        assert!(home.says(words), "{words}: {}", home.all_text());
    }
    assert_eq!(home.action_ids(), ["request"]);
    assert!(!home.says("Past"));
}

#[tokio::test]
async fn an_approver_decides_where_they_see_it_and_the_requester_sees_what_came_of_it() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    opened(&fixture, ALICE).await;
    fixture.jit(ALICE, REQUEST).await;
    let asks = shown(&fixture, BOB, |home| has(home, "approve")).await;
    for words in [
        "<@U0ALICE> requests",
        SCOPE,
        "30m",
        "INC-4211",
        "writes are failing",
        "high",
    ] {
        assert!(asks.says(words), "{words}: {}", asks.all_text());
    }
    let waits = shown(&fixture, ALICE, |home| has(home, "withdraw")).await;
    assert!(waits.says("Pending approval in <#C0DBA>"));

    fixture.bob().press_home("approve").await;
    let holds = shown(&fixture, ALICE, |home| has(home, "done")).await;
    let held = fixture.check(ALICE, SCOPE).await;
    let end = held["context"]["expires_at"].as_str().unwrap();
    let end = end.parse::<Time>().unwrap().timestamp();
    assert!(
        holds.says(&format!("until <!date^{end}^")),
        "{}",
        holds.all_text()
    );
    assert!(has(&holds, "extend") && !has(&holds, "withdraw"));
    let asked = shown(&fixture, BOB, |home| !has(home, "approve")).await;
    assert!(asked.says("No request needs"));

    fixture.advance_minutes(30);
    let past = shown(&fixture, ALICE, |home| home.says("*ended*")).await;
    assert!(past.says("You have no active access") && past.says("expired"));
    assert_eq!(past.action_ids(), ["request", "request_again"]);
}

#[tokio::test]
async fn nobody_is_asked_about_their_own_request_or_about_what_they_may_not_decide() {
    let fixture = Fixture::start().await;
    for person in [BOB, DAVE, SECURITY, CAROL] {
        opened(&fixture, person).await;
    }
    // Bob is an approver who may ask, too.
    fixture.jit(BOB, REQUEST).await;
    shown(&fixture, CAROL, |home| has(home, "approve")).await;
    let own = shown(&fixture, BOB, |home| has(home, "withdraw")).await;
    assert!(!has(&own, "approve"));
    for person in [DAVE, SECURITY] {
        assert_eq!(opened(&fixture, person).await.action_ids(), ["request"]);
    }
    fixture.carol().press_home("approve").await;
    shown(&fixture, BOB, |home| has(home, "done")).await;
}

#[tokio::test]
async fn guests_and_strangers_read_one_sentence() {
    let fixture = Fixture::start().await;
    fixture.asked(REQUEST).await;
    for person in [GUEST, STRANGER] {
        let home = opened(&fixture, person).await;
        assert!(home.says("full members of this workspace"));
        assert_eq!(home.blocks().as_array().unwrap().len(), 1);
        assert!(home.action_ids().is_empty());
    }
    fixture
        .sim
        .update_person(GUEST, |gil| gil.kind = Kind::Member);
    fixture.sim.send_user_change(GUEST).await;
    shown(&fixture, GUEST, |home| has(home, "request")).await;
}

#[tokio::test]
async fn without_facts_nothing_is_shown_and_then_what_there_is() {
    let fixture = Fixture::start().await;
    fixture.asked(REQUEST).await;
    fixture
        .sim
        .fault("users.info", Fault::Status(500), usize::MAX);
    fixture.clock.advance(std::time::Duration::from_secs(61));
    let home = opened(&fixture, BOB).await;
    assert!(home.says("couldn't check in Slack who you are"));
    assert!(home.action_ids().is_empty() && !home.says(SCOPE));
    fixture.sim.heal();
    let home = shown(&fixture, BOB, |home| has(home, "approve")).await;
    assert!(!home.says("couldn't check"));
}

#[tokio::test]
async fn without_groups_what_waits_is_not_shown_and_what_is_held_is() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.jit(DAVE, "request db-prod:read 10m").await;
    fixture.open_card().await;
    fixture.clock.advance(std::time::Duration::from_secs(601));
    fixture
        .sim
        .fault("usergroups.users.list", Fault::Status(500), usize::MAX);
    let home = opened(&fixture, ALICE).await;
    assert!(
        home.says("may be missing") && has(&home, "done"),
        "{}",
        home.all_text()
    );
    let home = opened(&fixture, BOB).await;
    assert!(home.says("may be missing") && !has(&home, "approve"));
    fixture.sim.heal();
    shown(&fixture, BOB, |home| has(home, "approve")).await;
}

#[tokio::test]
async fn a_question_whose_earlier_approver_cannot_be_asked_about_may_be_missing() {
    let fixture = Fixture::start().await;
    let card = fixture.asked("request db-prod:admin 15m restore").await;
    fixture.bob().click(&card, "approve").await;
    fixture.shows(&card, "1 of 2").await;
    fixture.clock.advance(std::time::Duration::from_secs(61));
    // Carol is known and fresh; what is known of Bob is old.
    fixture.answer(CAROL, "status").await;
    fixture
        .sim
        .fault("users.info", Fault::Status(500), usize::MAX);
    let home = opened(&fixture, CAROL).await;
    assert!(home.says("may be missing"), "{}", home.all_text());
    assert!(!has(&home, "approve"));
    fixture.sim.heal();
    shown(&fixture, CAROL, |home| has(home, "approve")).await;
}

#[tokio::test]
async fn what_came_of_it_is_shown_after_a_crash() {
    let mut fixture = Fixture::start().await;
    opened(&fixture, ALICE).await;
    opened(&fixture, BOB).await;
    fixture.granted(REQUEST).await;
    shown(&fixture, ALICE, |home| has(home, "done")).await;
    fixture.jit(DAVE, "request db-prod:read 10m").await;
    fixture.open_card().await;
    fixture.crash().await;
    fixture.advance_minutes(30);
    fixture.boot().await;
    let past = shown(&fixture, ALICE, |home| home.says("*ended*")).await;
    assert!(!has(&past, "done"));
    let asked = shown(&fixture, BOB, |home| has(home, "approve")).await;
    assert!(asked.says("<@U0DAVE>"));
}

#[tokio::test]
async fn a_slack_that_fails_or_limits_shows_the_truth_in_the_end() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    let limited = Fault::RateLimited {
        retry_after_secs: 30,
    };
    fixture.sim.fault("views.publish", limited, 1);
    fixture.sim.fault("views.publish", Fault::Status(500), 2);
    let asked_at = fixture.now();
    fixture.asked(REQUEST).await;
    shown(&fixture, BOB, |home| has(home, "approve")).await;
    let calls = fixture.sim.calls_of("views.publish");
    let last = calls.last().unwrap();
    assert!(
        last.at >= asked_at + chrono::TimeDelta::seconds(30),
        "{last:?}"
    );
}

#[tokio::test]
async fn a_burst_of_changes_is_shown_by_few_publications() {
    let eight = |config: &str| config.replace("[limits]", "[limits]\nmax_pending_per_scope = 8");
    let fixture = Fixture::with(eight, "").await;
    opened(&fixture, BOB).await;
    let before = published(&fixture, BOB);
    fixture.sim.fault("views.publish", Fault::Hang, 1);
    for number in 0..8 {
        let line = format!("request db-prod:read 10m look {number}");
        fixture.jit(ALICE, &line).await;
    }
    fixture
        .in_time(|sim| (sim.messages("C0DBA").len() == 8).then_some(()))
        .await;
    fixture.sim.heal();
    shown(&fixture, BOB, |home| {
        home.action_ids()
            .iter()
            .filter(|id| *id == "approve")
            .count()
            == 8
    })
    .await;
    assert!(published(&fixture, BOB) - before <= 3);
}

#[tokio::test]
async fn what_one_approver_decided_the_others_are_not_asked_any_more() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    opened(&fixture, CAROL).await;
    fixture.jit(ALICE, REQUEST).await;
    let old = shown(&fixture, CAROL, |home| has(home, "approve")).await;
    shown(&fixture, BOB, |home| has(home, "approve")).await;
    fixture.bob().press_home("deny").await;
    fixture.in_time(|_| fixture.bob().modal()).await;
    fixture.bob().fill("reason", "reason", "use the replica");
    fixture.bob().submit().await;
    shown(&fixture, CAROL, |home| !has(home, "approve")).await;
    assert!(
        fixture.sim.home(ALICE).is_none(),
        "Alice has not opened hers"
    );
    fixture.carol().press_in(&old, "approve", None).await;
    fixture.told(CAROL, "This request is already denied").await;
    assert_eq!(fixture.console.orders("grant"), 0);
}

#[tokio::test]
async fn a_click_in_an_old_home_is_refused_and_mends_it() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "extend db-prod:write 10m").await;
    let first = shown(&fixture, BOB, |home| has(home, "approve")).await;
    assert!(first.says("*10m* more"));
    fixture.bob().press_in(&first, "deny", None).await;
    fixture.in_time(|_| fixture.bob().modal()).await;
    fixture.bob().fill("reason", "reason", "say why");
    fixture.bob().submit().await;
    shown(&fixture, BOB, |home| !has(home, "approve")).await;
    fixture.jit(ALICE, "extend db-prod:write 20m").await;
    let second = shown(&fixture, BOB, |home| has(home, "approve")).await;
    assert!(second.says("*20m* more"));

    let before = published(&fixture, BOB);
    fixture.bob().press_in(&first, "approve", None).await;
    fixture.told(BOB, "The request has changed").await;
    fixture
        .in_time(|_| (published(&fixture, BOB) > before).then_some(()))
        .await;
    assert!(!fixture.kinds().await.contains(&"extended".to_owned()));
    fixture.bob().press_home("approve").await;
    shown(&fixture, BOB, |home| !has(home, "approve")).await;
    assert!(fixture.kinds().await.contains(&"extended".to_owned()));
}

#[tokio::test]
async fn the_second_of_two_approvers_is_asked_until_both_have_said_yes() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    opened(&fixture, CAROL).await;
    fixture
        .jit(ALICE, "request db-prod:admin 15m the schema has to change")
        .await;
    shown(&fixture, BOB, |home| has(home, "approve")).await;
    fixture.bob().press_home("approve").await;
    shown(&fixture, BOB, |home| !has(home, "approve")).await;
    let asks = shown(&fixture, CAROL, |home| home.says("1 of 2")).await;
    assert!(has(&asks, "approve"));
    fixture.carol().press_home("approve").await;
    shown(&fixture, CAROL, |home| !has(home, "approve")).await;
    assert_eq!(
        fixture
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
    let fixture = Fixture::start().await;
    opened(&fixture, ALICE).await;
    fixture.alice().press_home("request").await;
    let form = fixture.in_time(|_| fixture.alice().modal()).await;
    assert_eq!(form.callback_id(), "request");

    fixture.granted(REQUEST).await;
    shown(&fixture, ALICE, |home| has(home, "extend")).await;
    fixture.alice().press_home("extend").await;
    fixture
        .in_time(|_| {
            let modal = fixture.alice().modal();
            modal.filter(|modal| modal.callback_id() == "extend")
        })
        .await;
    assert!(matches!(
        fixture.alice().submit().await,
        Submission::Errors(_)
    ));
    fixture.alice().fill("reason", "reason", "still failing");
    assert!(matches!(fixture.alice().submit().await, Submission::Closed));
    let waits = shown(&fixture, ALICE, |home| has(home, "withdraw_extension")).await;
    assert!(waits.says("You requested *30m* more"));
    fixture.alice().press_home("done").await;
    shown(&fixture, ALICE, |home| home.says("you ended it")).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn who_joins_or_leaves_the_approvers_sees_it_at_once() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    opened(&fixture, DAVE).await;
    fixture.jit(ALICE, REQUEST).await;
    shown(&fixture, BOB, |home| has(home, "approve")).await;
    fixture.sim.set_group("S0DBA", [DAVE, CAROL]);
    fixture
        .sim
        .send_group_change("S0DBA", &[DAVE], &[BOB])
        .await;
    shown(&fixture, BOB, |home| !has(home, "approve")).await;
    shown(&fixture, DAVE, |home| has(home, "approve")).await;
}

#[tokio::test]
async fn an_administrator_sees_the_locks_in_force_and_nobody_else_does() {
    let fixture = Fixture::start().await;
    opened(&fixture, ALICE).await;
    let before = opened(&fixture, SECURITY).await;
    assert!(!before.says("Locks in force"), "{}", before.all_text());
    fixture.end(SECURITY, "lock db-prod:read incident").await;
    let home = shown(&fixture, SECURITY, |home| home.says("Locks in force")).await;
    for words in ["`db-prod:read` is locked by", "(incident)", "/jit unlock"] {
        assert!(home.says(words), "{words}: {}", home.all_text());
    }
    let alices = opened(&fixture, ALICE).await;
    assert!(!alices.says("Locks in force"), "{}", alices.all_text());
    fixture.jit(SECURITY, "unlock db-prod:read").await;
    shown(&fixture, SECURITY, |home| !home.says("Locks in force")).await;
}

#[tokio::test]
async fn nobody_is_asked_what_a_lock_or_the_cap_stands_against() {
    let fixture = Fixture::start().await;
    opened(&fixture, BOB).await;
    fixture.jit(ALICE, "request db-prod:read 10m").await;
    shown(&fixture, BOB, |home| has(home, "approve")).await;
    fixture.end(SECURITY, "lock db-prod:read incident").await;
    shown(&fixture, BOB, |home| !has(home, "approve")).await;
    fixture.jit(SECURITY, "unlock db-prod:read").await;
    shown(&fixture, BOB, |home| has(home, "approve")).await;

    // The lab and production exclude each other: with the one held, the other cannot be given.
    fixture.jit(ALICE, "request lab:use 10m").await;
    let both = shown(&fixture, BOB, |home| {
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
    fixture.bob().press_in(&both, "approve", Some(&value)).await;
    let none = shown(&fixture, BOB, |home| !has(home, "approve")).await;
    assert!(none.says("No request needs"));
    fixture.jit(ALICE, "done lab:use").await;
    let again = shown(&fixture, BOB, |home| has(home, "approve")).await;
    assert!(again.says("db-prod:read"));
}

#[tokio::test]
async fn only_the_home_tab_counts_as_opened() {
    let fixture = Fixture::start().await;
    let event = serde_json::json!({"type": "app_home_opened", "user": BOB, "tab": "messages"});
    assert_eq!(fixture.sim.event(event).await.status, 200);
    opened(&fixture, ALICE).await;
    assert!(fixture.sim.home(BOB).is_none());
    assert!(fixture.person(BOB).sees(GENERAL).is_empty());
}
