//! Promise 10: What Slack shows is true: a message says "granted" when it is, "ended" when it is; every
//! copy is updated.

use slack_sim::{Fault, Sim};

use crate::support::{
    stage::{ALICE, BOB, CAROL, Has, REQUEST, SCOPE, Stage},
    target::Mood,
};

#[tokio::test]
async fn after_the_decision_the_record_stands_where_the_buttons_were() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
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
    stage.bob().click(&card, "approve").await;
    let shown = stage.shows(&card, "Approved by").await;
    assert!(
        shown.says("U0BOB") && shown.says("approver-group"),
        "{}",
        shown.all_text()
    );
    assert!(shown.buttons().is_empty(), "{:?}", shown.buttons());
    stage.carol().click(&card, "approve").await;
    stage.answered(CAROL, "already").await;
}

#[tokio::test]
async fn a_denial_needs_a_reason_and_the_requester_hears_it() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    let carol = stage.carol();
    carol.click(&card, "deny").await;
    stage.sim.wait_until(|_| carol.modal()).await;
    carol.fill("reason", "reason", "use the <replica> instead");
    carol.submit().await;
    stage.told(ALICE, "use the &lt;replica&gt; instead").await;
    let shown = stage.shows(&card, "Denied by").await;
    assert!(shown.buttons().is_empty());
    assert_eq!(stage.console.orders("grant"), 0);
}

#[tokio::test]
async fn the_requester_is_warned_and_can_be_done_from_the_warning() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.advance_minutes(27);
    let warning = stage
        .sim
        .wait_until(|_| stage.grants(ALICE).into_iter().nth(1))
        .await;
    stage.alice().click(&warning, "done").await;
    stage.told(ALICE, "has ended:").await;
    assert!(!stage.console.admits("alice"));
    stage
        .sim
        .wait_until(|_| stage.grants(ALICE).is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn granted_is_said_only_when_the_target_shows_it() {
    let stage = Stage::start().await;
    stage.console.mood("grant", Mood::Lying);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    stage.shows(&card, "Approved by").await;
    assert!(stage.grants(ALICE).is_empty());
    assert!(!stage.admitted(ALICE, SCOPE).await);
    stage.console.mood("grant", Mood::Well);
    stage.in_time(|_| stage.grants(ALICE).pop()).await;
}

#[tokio::test]
async fn a_slack_that_fails_or_limits_shows_the_truth_in_the_end() {
    let stage = Stage::start().await;
    let card = stage.asked(REQUEST).await;
    stage.sim.fault(
        "chat.update",
        Fault::RateLimited {
            retry_after_secs: 30,
        },
        1,
    );
    stage.sim.fault("chat.postMessage", Fault::Status(500), 2);
    stage.bob().click(&card, "approve").await;
    let decided = |sim: &Sim| {
        let shown = sim.message(&card.channel, &card.ts)?;
        (shown.says("Approved by") && !shown.has("approve")).then_some(())
    };
    stage.in_time(decided).await;
    stage.in_time(|_| stage.grants(ALICE).pop()).await;
    assert_eq!(stage.grants(ALICE).len(), 1);
}

#[tokio::test]
async fn access_does_not_wait_for_slack() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.sim.fault("*", Fault::Hang, 1000);
    stage.console.until_ordered("status", 2).await;
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    assert!(!stage.admitted(ALICE, SCOPE).await);
    stage.sim.heal();
}

#[tokio::test]
async fn every_home_that_was_opened_is_true_through_failures_and_a_crash() {
    let mut stage = Stage::start().await;
    stage.alice().open_home().await;
    stage.bob().open_home().await;
    let says = |sim: &Sim, person: &str, words: &str| {
        let home = sim.home(person);
        home.is_some_and(|home| home.says(words))
    };
    let shows = async |stage: &Stage, person: &str, words: &str| {
        stage
            .in_time(|sim| says(sim, person, words).then_some(()))
            .await;
    };
    shows(&stage, ALICE, "You hold nothing").await;
    shows(&stage, BOB, "Nothing waits").await;
    stage.granted(REQUEST).await;
    shows(&stage, ALICE, "You have *").await;

    // Slack takes nothing while the access ends, and the service dies before it does.
    stage
        .sim
        .fault("views.publish", Fault::Status(503), usize::MAX);
    stage.console.mood("revoke", Mood::Failing);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    assert!(!stage.admitted(ALICE, SCOPE).await);
    stage.crash().await;
    stage.sim.heal();
    stage.boot().await;
    stage
        .in_time(|sim| says(sim, ALICE, "being revoked since").then_some(()))
        .await;
    assert!(
        !says(&stage.sim, ALICE, "*ended*"),
        "its target was not read back"
    );
    stage.console.mood("revoke", Mood::Well);
    stage
        .in_time(|sim| says(sim, ALICE, "*ended*").then_some(()))
        .await;
    assert!(says(&stage.sim, ALICE, "You hold nothing"));
    assert!(says(&stage.sim, BOB, "Nothing waits"));
}
