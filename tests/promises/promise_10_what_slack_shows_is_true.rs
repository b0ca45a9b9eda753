//! Promise 10: What Slack shows is true: a message says "granted" when it is, "ended" when it is; every
//! copy is updated.

use slack_sim::{Fault, Sim};

use crate::support::{
    fixture::{ALICE, BOB, CAROL, Fixture, Has, REQUEST, SCOPE},
    target::Mood,
};

#[tokio::test]
async fn a_decision_replaces_the_buttons_with_a_record() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    for words in [
        "alice",
        "30m",
        "INC-4211",
        "writes are failing",
        "high",
        "prod",
    ] {
        assert!(
            card.says(words) || card.says("U0ALICE") && words == "alice",
            "the card does not say {words}: {}",
            card.all_text()
        );
    }
    fixture.bob().click(&card, "approve").await;
    let shown = fixture.shows(&card, "Approved by").await;
    assert!(
        shown.says("U0BOB") && shown.says("approver-group"),
        "{}",
        shown.all_text()
    );
    assert!(shown.buttons().is_empty(), "{:?}", shown.buttons());
    fixture.carol().click(&card, "approve").await;
    fixture.answered(CAROL, "already").await;
}

#[tokio::test]
async fn a_denial_needs_a_reason_and_the_requester_hears_it() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let carol = fixture.carol();
    carol.click(&card, "deny").await;
    fixture.sim.wait_until(|_| carol.modal()).await;
    carol.fill("reason", "reason", "use the <replica> instead");
    carol.submit().await;
    fixture.told(ALICE, "use the &lt;replica&gt; instead").await;
    let shown = fixture.shows(&card, "Denied by").await;
    assert!(shown.buttons().is_empty());
    assert_eq!(fixture.console.orders("grant"), 0);
}

#[tokio::test]
async fn the_requester_is_warned_in_the_thread_of_the_message_that_ends_the_access() {
    let fixture = Fixture::start().await;
    let grant = fixture.granted(REQUEST).await;
    fixture.advance_minutes(27);
    let warning = fixture.told(ALICE, ":alarm_clock:").await;
    assert_eq!(warning.thread_ts.as_ref(), Some(&grant.ts));
    fixture.alice().click(&grant, "done").await;
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.console.admits("alice"));
    fixture
        .sim
        .wait_until(|_| fixture.grants(ALICE).is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn granted_is_said_only_when_the_target_shows_it() {
    let fixture = Fixture::start().await;
    fixture.console.mood("grant", Mood::Lying);
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.console.until_ordered("grant", 1).await;
    fixture.shows(&card, "Approved by").await;
    assert!(fixture.grants(ALICE).is_empty());
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.console.mood("grant", Mood::Well);
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn a_slack_that_fails_or_limits_shows_the_truth_in_the_end() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.sim.fault(
        "chat.update",
        Fault::RateLimited {
            retry_after_secs: 30,
        },
        1,
    );
    fixture.sim.fault("chat.postMessage", Fault::Status(500), 2);
    fixture.bob().click(&card, "approve").await;
    let decided = |sim: &Sim| {
        let shown = sim.message(&card.channel, &card.ts)?;
        (shown.says("Approved by") && !shown.has("approve")).then_some(())
    };
    fixture.in_time(decided).await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    assert_eq!(fixture.grants(ALICE).len(), 1);
}

#[tokio::test]
async fn access_does_not_wait_for_slack() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.sim.fault("*", Fault::Hang, 1000);
    fixture.console.until_ordered("status", 2).await;
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.sim.heal();
}

#[tokio::test]
async fn every_home_that_was_opened_is_true_through_failures_and_a_crash() {
    let mut fixture = Fixture::start().await;
    fixture.alice().open_home().await;
    fixture.bob().open_home().await;
    let says = |sim: &Sim, person: &str, words: &str| {
        let home = sim.home(person);
        home.is_some_and(|home| home.says(words))
    };
    let shows = async |fixture: &Fixture, person: &str, words: &str| {
        fixture
            .in_time(|sim| says(sim, person, words).then_some(()))
            .await;
    };
    shows(&fixture, ALICE, "You have no active access").await;
    shows(&fixture, BOB, "No request needs").await;
    fixture.granted(REQUEST).await;
    shows(&fixture, ALICE, "You have *").await;

    // Slack takes nothing while the access ends, and the service dies before it does.
    fixture
        .sim
        .fault("views.publish", Fault::Status(503), usize::MAX);
    fixture.console.mood("revoke", Mood::Failing);
    fixture.advance_minutes(30);
    fixture.console.until_ordered("revoke", 1).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    fixture.crash().await;
    fixture.sim.heal();
    fixture.boot().await;
    fixture
        .in_time(|sim| says(sim, ALICE, "Revoking your").then_some(()))
        .await;
    assert!(
        !says(&fixture.sim, ALICE, "*ended*"),
        "its target was not read back"
    );
    fixture.console.mood("revoke", Mood::Well);
    fixture
        .in_time(|sim| says(sim, ALICE, "*ended*").then_some(()))
        .await;
    assert!(says(&fixture.sim, ALICE, "You have no active access"));
    assert!(says(&fixture.sim, BOB, "No request needs"));
}
