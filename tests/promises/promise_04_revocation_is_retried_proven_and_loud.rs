//! Promise 4: Revocation is retried for ever, proven, and loud while stuck. "Ended" is said only after the
//! target was read back and the access was not there.

use std::time::Duration;

use keylend::{clock::Clock, domain::Time};
use sqlx::Connection as _;

use crate::support::{
    stage::{ALICE, AUDIT, BOB, DAVE, REQUEST, SCOPE, Stage},
    target::Mood,
};

const DEGRADED: &str = r#""degraded":["revocation_failing:console"]"#;

/// Lets time pass until the target was told so many times more to take the access back.
async fn retries(stage: &Stage, count: usize) {
    let enough = stage.console.orders("revoke") + count;
    stage
        .until("the retries", |stage| {
            stage.console.orders("revoke") >= enough
        })
        .await;
}

fn says_ended(stage: &Stage) -> bool {
    stage
        .sim
        .dm(ALICE)
        .iter()
        .any(|message| message.says("has ended:"))
}

#[tokio::test]
async fn a_target_is_left_alone_for_as_long_as_it_asks() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Overloaded);
    stage.advance_minutes(30);
    stage.told(ALICE, "over, being revoked since").await;
    stage.audited("*Alert* `revocation_failing:console`").await;
    let url = format!("sqlite://{}", stage.database().display());
    let mut log = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let failed = "SELECT at, body ->> 'retry_at' FROM events WHERE kind = 'layer_revoke_failed'";
    let failed: (String, String) = sqlx::query_as(failed).fetch_one(&mut log).await.unwrap();
    let [at, retry_at]: [Time; 2] = [failed.0, failed.1].map(|time| time.parse().unwrap());
    let pause = (retry_at - at).num_seconds();
    assert!((120..=125).contains(&pause), "{pause} s");

    stage.console.mood("revoke", Mood::Well);
    stage.until("the end", says_ended).await;
    assert!(!stage.console.admits("alice"));
}

#[tokio::test]
async fn a_target_that_fails_is_asked_until_it_obeys_and_everybody_hears_meanwhile() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Failing);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    assert!(!stage.admitted(ALICE, SCOPE).await);

    retries(&stage, 1).await;
    stage.audited("*Alert* `revocation_failing:console`").await;
    let (status, ready) = stage.page("/readyz").await;
    // One target in trouble takes no replica out of Slack.
    assert_eq!(status, 200, "{ready}");
    assert!(ready.contains(DEGRADED), "{ready}");
    let (_, metrics) = stage.page("/metrics").await;
    assert!(metrics.contains("keylend_revocations_stuck 1"), "{metrics}");
    assert!(!says_ended(&stage));
    stage.told(ALICE, "over, being revoked since").await;
    for question in [format!("who {SCOPE}"), "who @alice".to_owned()] {
        let answer = stage.answer(BOB, &question).await;
        assert!(answer.says("over, being revoked since"), "{}", answer.text);
    }
    let answer = stage.answer(ALICE, "status").await;
    assert!(answer.says("over, being revoked since"), "{}", answer.text);
    assert_eq!(
        stage.check(ALICE, SCOPE).await["context"]["reason"],
        "being_revoked"
    );

    // Far longer than any other broker tries.
    retries(&stage, 30).await;
    assert!(!says_ended(&stage));
    stage.console.mood("revoke", Mood::Well);
    stage.until("the end", says_ended).await;
    assert!(!stage.console.admits("alice"));
    let answer = stage.answer(BOB, &format!("who {SCOPE}")).await;
    assert!(answer.says("Nobody has"), "{}", answer.text);
    stage
        .audited("*Cleared* `revocation_failing:console`")
        .await;
    assert!(!stage.page("/readyz").await.1.contains(DEGRADED));
    assert!(
        stage
            .page("/metrics")
            .await
            .1
            .contains("keylend_revocations_stuck 0")
    );
}

/// The value of one of the service's metrics.
async fn metric(stage: &Stage, name: &str) -> String {
    let (_, text) = stage.page("/metrics").await;
    let name = format!("keylend_{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn several_revocations_that_a_target_fails_are_one_alert() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.jit(DAVE, REQUEST).await;
    stage.bob().click(&stage.open_card().await, "approve").await;
    stage.console.until_admits("dave").await;
    stage.in_time(|_| stage.grants(DAVE).pop()).await;
    stage.console.mood("revoke", Mood::Failing);
    stage.advance_minutes(31);
    let both = async { while metric(&stage, "revocations_stuck").await != "2" {} };
    let both = tokio::time::timeout(Duration::from_secs(20), both).await;
    both.expect("both have failed");

    // The clock stood, so nothing was told before both had failed.
    stage.audited("console failed to revoke 2 grants.").await;
    retries(&stage, 4).await;
    let lines = stage.sim.messages(AUDIT).into_iter();
    let lines: Vec<String> = lines.map(|message| message.text).collect();
    assert_eq!(lines.join("\n").matches("*Alert*").count(), 1, "{lines:#?}");
    assert!(stage.page("/readyz").await.1.contains(DEGRADED));

    // It clears when the last of them is gone.
    stage.console.mood("revoke", Mood::Well);
    stage
        .audited("*Cleared* `revocation_failing:console`")
        .await;
    assert!(!stage.console.admits("alice") && !stage.console.admits("dave"));
}

#[tokio::test]
async fn a_target_that_says_done_and_did_nothing_is_not_believed() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Lying);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    retries(&stage, 3).await;
    assert!(!says_ended(&stage));
    stage.console.mood("revoke", Mood::Well);
    stage.until("the end", says_ended).await;
}

#[tokio::test]
async fn a_target_that_hangs_delays_only_itself() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.granted("request db-prod:read 30m look").await;
    stage.console.mood("revoke", Mood::Hanging);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    stage.told(ALICE, "`db-prod:read` has ended:").await;
    assert!(!stage.bastion.admits("alice"));
    assert!(stage.console.admits("alice"));
}

#[tokio::test]
async fn killed_while_revoking_it_goes_on_after_the_restart() {
    let mut stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Hanging);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    stage.crash().await;
    stage.console.mood("revoke", Mood::Well);
    stage.boot().await;
    stage.told(ALICE, "has ended:").await;
    assert!(!stage.console.admits("alice"));
}

async fn kinds(stage: &Stage, kind: &str) -> usize {
    let kinds = stage.kinds().await;
    kinds.iter().filter(|other| *other == kind).count()
}

#[tokio::test]
async fn a_target_that_is_still_working_is_asked_for_its_status_and_raises_no_alert() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Working);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    let looks = stage.console.orders("status") + 5;
    stage
        .in_time(|_| (stage.console.orders("status") >= looks).then_some(()))
        .await;
    assert_eq!(stage.console.orders("revoke"), 1, "it was told once");
    assert!(!says_ended(&stage));
    assert!(!stage.admitted(ALICE, SCOPE).await);
    assert!(!stage.page("/readyz").await.1.contains(DEGRADED));

    stage.console.mood("revoke", Mood::Well);
    stage.until("the end", says_ended).await;
    assert!(!stage.console.admits("alice"));
    assert_eq!(stage.console.orders("revoke"), 1);
    assert_eq!(kinds(&stage, "layer_revoke_failed").await, 0);
}

#[tokio::test]
async fn a_revocation_that_stays_pending_raises_an_alert_after_five_minutes() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Working);
    stage.advance_minutes(30);
    stage.console.until_ordered("revoke", 1).await;
    let since = stage.clock.now();
    stage.audited("*Alert* `revocation_failing:console`").await;
    let minutes = (stage.clock.now() - since).num_minutes();
    assert!((4..7).contains(&minutes), "{minutes}");
    assert!(stage.page("/readyz").await.1.contains(DEGRADED));
    stage.audited("the target is still working on it").await;

    // It is told again, and proven gone in the end.
    retries(&stage, 3).await;
    assert!(!says_ended(&stage));
    stage.console.mood("revoke", Mood::Well);
    stage.until("the end", says_ended).await;
    assert!(!stage.console.admits("alice"));
}

#[tokio::test]
async fn a_target_that_only_takes_orders_is_asked_for_its_status_however_late_it_is() {
    let stage = Stage::start().await;
    stage.granted(REQUEST).await;
    stage.console.mood("revoke", Mood::Failing);
    stage.advance_minutes(30);
    stage.told(ALICE, "over, being revoked since").await;
    // Longer than a target may be at work.
    stage.advance_minutes(6);
    stage.console.mood("revoke", Mood::Queueing);
    stage.until("the end", says_ended).await;
    assert!(!stage.console.admits("alice"));
}

#[tokio::test]
async fn a_grant_that_stays_pending_is_given_up_and_undone() {
    let stage = Stage::start().await;
    stage.console.mood("grant", Mood::Working);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    let told = stage.told(ALICE, "could not be made").await;
    assert!(
        told.says("the target is still working on it"),
        "{}",
        told.text
    );
    assert!(!stage.admitted(ALICE, SCOPE).await);
    assert_eq!(kinds(&stage, "activated").await, 0);
    assert!(stage.console.orders("revoke") > 0);
}

#[tokio::test]
async fn what_is_pending_is_ended_without_waiting_for_the_next_look() {
    let stage = Stage::start().await;
    stage.console.mood("grant", Mood::Working);
    let card = stage.asked(REQUEST).await;
    stage.bob().click(&card, "approve").await;
    stage.console.until_ordered("grant", 1).await;
    let before = stage.clock.now();
    stage.jit(ALICE, "done").await;
    stage
        .in_time(|_| (stage.console.orders("revoke") > 0).then_some(()))
        .await;
    let seconds = (stage.clock.now() - before).num_seconds();
    assert!(seconds < 5, "{seconds}");
}
